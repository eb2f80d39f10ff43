import { useSignal } from '@preact/signals'
import type { Message } from '../chats/chat.ts'
import { words } from '../words/words.ts'
import { Branches } from './branches.tsx'
import { CopyButton } from './copy-button.tsx'
import { IconButton } from './icon-button.tsx'
import { Images } from './images.tsx'
import { usePage } from './page.ts'
import { QuestionEditor } from './question-editor.tsx'

interface QuestionProps {
  readonly message: Message
  readonly index: number
  readonly count: number
}

/** A question of the user, and a button to edit it. */
export function Question({ message, index, count }: QuestionProps) {
  const page = usePage()
  const isEdited = useSignal(false)
  const w = words.value
  if (isEdited.value) return <QuestionEditor message={message} onClose={() => (isEdited.value = false)} />
  return (
    <article class="question" id={`message-${message.id}`}>
      <h2 class="hidden">{w.you}</h2>
      {message.images && <Images images={message.images} />}
      {message.text !== '' && (
        <p class="bubble" dir="auto">
          {message.text}
        </p>
      )}
      <div class="actions">
        <Branches id={message.id} index={index} count={count} />
        <CopyButton text={() => message.text} />
        <IconButton
          icon="pencil"
          label={w.edit}
          disabled={page.run.value !== undefined}
          onClick={() => (isEdited.value = true)}
        />
      </div>
    </article>
  )
}
