import { useSignal } from '@preact/signals'
import { isKey } from '../state/key.ts'
import { setKey, type Refusal } from './watch.ts'
import { words } from './words.ts'

/** Asks for the operator's key, and says how else the page can be opened. */
export function Gate({ reason }: { reason: Refusal }) {
  const text = useSignal('')
  const isOnDevice = useSignal(false)
  const isBusy = useSignal(false)
  const w = words.value
  const problem = isBusy.value || reason === 'missing' ? '' : w[reason]

  const unlock = async () => {
    isBusy.value = true
    await setKey(text.peek().trim(), isOnDevice.peek())
    isBusy.value = false
  }
  return (
    <form
      class="card gate"
      onSubmit={(event) => {
        event.preventDefault()
        void unlock()
      }}
    >
      <h2>{w.locked}</h2>
      <p>{w.lockedHint}</p>
      <label class="stack">
        <span>{w.key}</span>
        <input
          class="field"
          type="password"
          autocomplete="current-password"
          spellcheck={false}
          aria-invalid={problem !== ''}
          aria-describedby="problem"
          value={text.value}
          onInput={({ currentTarget }) => (text.value = currentTarget.value)}
        />
      </label>
      <div id="problem" class="danger" role="alert" hidden={problem === ''}>
        {problem}
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
        <button type="submit" class="button is-main" disabled={!isKey(text.value.trim()) || isBusy.value}>
          {w.unlock}
        </button>
      </div>
      <p class="else">
        {w.openHint} <code>SLUICE_OPERATOR=1</code>
      </p>
    </form>
  )
}
