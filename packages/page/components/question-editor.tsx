import { useSignal } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { Message } from '../chats/chat.ts'
import { words } from '../words/words.ts'
import { fitHeight } from './fit-height.ts'
import { Images } from './images.tsx'
import { usePage } from './page.ts'
import { isComposing } from './shortcuts.ts'
import { focusComposer } from './ui-state.ts'

/** Edits a question and asks it again. The former question stays as another branch. */
export function QuestionEditor({ message, onClose }: { message: Message; onClose: () => void }) {
  const page = usePage()
  const text = useSignal(message.text)
  const field = useRef<HTMLTextAreaElement>(null)
  const w = words.value
  const images = message.images ?? []
  const isEmpty = text.value.trim() === '' && images.length === 0

  useLayoutEffect(() => {
    field.current!.focus()
    field.current!.setSelectionRange(message.text.length, message.text.length)
    fitHeight(field.current!)
  }, [])
  const close = () => {
    onClose()
    requestAnimationFrame(() =>
      document.querySelector<HTMLElement>(`#message-${message.id} .actions button:last-child`)?.focus(),
    )
  }
  const send = () => {
    if (isEmpty || page.run.peek()) return
    onClose()
    page.edit(message.id, text.value, images)
    focusComposer()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (isComposing(event)) return
    if (event.key === 'Escape') close()
    else if (event.key === 'Enter' && !event.shiftKey) send()
    else return
    event.preventDefault()
  }
  return (
    <article class="question is-edited">
      <h2 class="hidden">{w.editMessage}</h2>
      {images.length > 0 && <Images images={images} />}
      <textarea
        ref={field}
        aria-label={w.editMessage}
        dir="auto"
        rows={1}
        value={text.value}
        onInput={({ currentTarget }) => {
          text.value = currentTarget.value
          fitHeight(currentTarget)
        }}
        onKeyDown={onKeyDown}
      />
      <div class="buttons">
        <button type="button" class="button" onClick={close}>
          {w.cancel}
        </button>
        <button type="button" class="button is-main" disabled={isEmpty} onClick={send}>
          {w.send}
        </button>
      </div>
    </article>
  )
}
