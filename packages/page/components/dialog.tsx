import type { ComponentChildren } from 'preact'
import { useId, useLayoutEffect, useRef } from 'preact/hooks'
import { words } from '../words/words.ts'
import { IconButton } from './icon-button.tsx'
import { Status } from './status.tsx'
import { dialog } from './ui-state.ts'

interface DialogProps {
  readonly title: string
  readonly class?: string
  readonly children: ComponentChildren
}

/**
 * A modal dialog, which is open as long as it is rendered. The browser keeps the focus inside,
 * closes the dialog on Escape, and then returns the focus.
 */
export function Dialog({ title, children, ...rest }: DialogProps) {
  const id = useId()
  const ref = useRef<HTMLDialogElement>(null)
  useLayoutEffect(() => ref.current!.showModal(), [dialog.value])
  // This event comes after the browser has returned the focus. By then another dialog may be open,
  // or this dialog may be open again.
  const onClose = ({ currentTarget }: { currentTarget: HTMLDialogElement }) => {
    if (currentTarget.isConnected && !currentTarget.open) dialog.value = undefined
  }
  const closeOutside = (event: MouseEvent) => event.target === ref.current && closeDialog()
  return (
    <dialog ref={ref} class={`dialog ${rest.class ?? ''}`} aria-labelledby={id} onClose={onClose} onMouseDown={closeOutside}>
      <div class="dialog-inside">
        <header>
          <h2 id={id}>{title}</h2>
          <IconButton icon="close" label={words.value.close} onClick={closeDialog} />
        </header>
        {children}
        <Status />
      </div>
    </dialog>
  )
}

/**
 * Closes the open dialog as Escape does. The dialog is removed after the browser has returned the
 * focus.
 */
export function closeDialog() {
  document.querySelector<HTMLDialogElement>('dialog.dialog[open]')?.close()
}
