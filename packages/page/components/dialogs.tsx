import { RemoveDialog, RenameDialog } from './chat-dialogs.tsx'
import { KeyDialog } from './key-dialog.tsx'
import { OptionsDialog } from './options-dialog.tsx'
import { SettingsDialog } from './settings-dialog.tsx'
import { Status } from './status.tsx'
import { dialog } from './ui-state.ts'

/**
 * Shows the open dialog, which contains the status for screen readers. If no dialog is open, it
 * shows only the status.
 */
export function Dialogs() {
  const open = dialog.value
  if (open?.kind === 'options') return <OptionsDialog />
  if (open?.kind === 'settings') return <SettingsDialog />
  if (open?.kind === 'key') return <KeyDialog />
  if (open?.kind === 'rename') return <RenameDialog chat={open.chat} />
  if (open?.kind === 'remove') return <RemoveDialog chat={open.chat} />
  if (open?.kind === 'removeAll') return <RemoveDialog />
  return <Status />
}
