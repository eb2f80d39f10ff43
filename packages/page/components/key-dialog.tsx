import { useSignal } from '@preact/signals'
import { useId } from 'preact/hooks'
import { words } from '../words/words.ts'
import { closeDialog, Dialog } from './dialog.tsx'
import { usePage } from './page.ts'
import { dialog } from './ui-state.ts'

/** Asks for the server's key, and checks it with the server. */
export function KeyDialog() {
  const page = usePage()
  const id = useId()
  const key = useSignal('')
  const isOnDevice = useSignal(false)
  const isBusy = useSignal(false)
  const problem = useSignal('')
  const w = words.value

  const unlock = async () => {
    isBusy.value = true
    const isGood = await page.setKey(key.peek().trim(), isOnDevice.peek())
    isBusy.value = false
    if (!isGood) problem.value = page.server.peek().kind === 'unreachable' ? w.keyUnasked : w.keyWrong
    // The user may have opened another dialog without waiting.
    else if (dialog.peek()?.kind === 'key') closeDialog()
  }
  return (
    <Dialog title={w.locked} class="is-small">
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void unlock()
        }}
      >
        <p class="lead">{w.lockedHint}</p>
        <label class="stack">
          <span>{w.key}</span>
          <input
            class="field"
            type="password"
            autoFocus
            autocomplete="current-password"
            spellcheck={false}
            aria-invalid={problem.value !== ''}
            aria-describedby={`${id}-problem`}
            value={key.value}
            onInput={({ currentTarget }) => (key.value = currentTarget.value)}
          />
        </label>
        <div id={`${id}-problem`} class="danger" role="alert" hidden={problem.value === ''}>
          {problem.value}
        </div>
        <label class="check">
          <input
            type="checkbox"
            checked={isOnDevice.value}
            onChange={({ currentTarget }) => (isOnDevice.value = currentTarget.checked)}
          />
          <span>
            {w.keepKey}
            <small>{w.keepKeyHint}</small>
          </span>
        </label>
        <div class="buttons">
          <button type="submit" class="button is-main" disabled={key.value.trim() === '' || isBusy.value}>
            {w.unlock}
          </button>
        </div>
      </form>
    </Dialog>
  )
}
