import { useSignal } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { ChatSummary } from '../state/page-state.ts'
import { words } from '../words/words.ts'
import { closeDialog, Dialog } from './dialog.tsx'
import { usePage } from './page.ts'
import { focusComposer } from './ui-state.ts'

/** Asks for a new title of a chat. */
export function RenameDialog({ chat }: { chat: ChatSummary }) {
  const page = usePage()
  const title = useSignal(chat.title)
  const field = useRef<HTMLInputElement>(null)
  const w = words.value
  useLayoutEffect(() => field.current!.select(), [])
  return (
    <Dialog title={w.rename} class="is-small">
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void page.rename(chat.id, title.peek().trim())
          closeDialog()
        }}
      >
        <input
          ref={field}
          class="field"
          autoFocus
          dir="auto"
          aria-label={w.title}
          maxLength={200}
          value={title.value}
          onInput={({ currentTarget }) => (title.value = currentTarget.value)}
        />
        <div class="buttons">
          <button type="button" class="button" onClick={closeDialog}>
            {w.cancel}
          </button>
          <button type="submit" class="button is-main">
            {w.save}
          </button>
        </div>
      </form>
    </Dialog>
  )
}

/** Asks before a chat is deleted. Without `chat`, it asks before all chats are deleted. */
export function RemoveDialog({ chat }: { chat?: ChatSummary }) {
  const page = usePage()
  const w = words.value
  const remove = () => {
    closeDialog()
    void (chat ? page.remove(chat.id) : page.removeAll())
    focusComposer()
  }
  return (
    <Dialog title={chat ? w.removeAsk(chat.title || w.imageOnly) : w.removeAllAsk} class="is-small">
      <p class="lead">{w.removeHint}</p>
      <div class="buttons">
        <button type="button" class="button" onClick={closeDialog}>
          {w.cancel}
        </button>
        <button type="button" class="button is-danger" onClick={remove}>
          {w.remove}
        </button>
      </div>
    </Dialog>
  )
}
