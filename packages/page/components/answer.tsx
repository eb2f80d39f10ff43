import type { Message } from '../chats/chat.ts'
import type { Run } from '../state/page-state.ts'
import { words } from '../words/words.ts'
import { Branches } from './branches.tsx'
import { CopyButton } from './copy-button.tsx'
import { Ending } from './ending.tsx'
import { Figures, LiveFigures } from './figures.tsx'
import { IconButton } from './icon-button.tsx'
import { Markdown } from './markdown.tsx'
import { toShortName } from './model-picker.tsx'
import { usePage } from './page.ts'
import { Thoughts } from './thoughts.tsx'
import { ToolCalls } from './tool-calls.tsx'
import { retryAndFocus } from './ui-state.ts'
import { Waiting } from './waiting.tsx'

interface AnswerProps {
  readonly message: Message
  readonly index: number
  readonly count: number
  readonly isLast: boolean
  /** Set only while the answer is being written. */
  readonly run: Run | undefined
}

/** An answer: its thoughts, text, tool calls and end, and the buttons for it. */
export function Answer({ message, index, count, isLast, run }: AnswerProps) {
  const page = usePage()
  const w = words.value
  const isBusy = page.run.value !== undefined
  return (
    <article class={`answer ${isLast ? 'is-last' : ''}`} aria-busy={run !== undefined}>
      <h2 class="hidden">{toShortName(message.model ?? page.model.value?.name ?? w.model)}</h2>
      <Thoughts message={message} run={run} />
      <Markdown text={run ? run.text : message.text} language={w.tag} />
      {message.toolCalls && <ToolCalls calls={message.toolCalls} />}
      {run ? <Waiting run={run} /> : <Ending message={message} isLast={isLast} />}
      {run ? (
        <LiveFigures run={run} />
      ) : (
        <div class="actions">
          <Branches id={message.id} index={index} count={count} />
          {message.text !== '' && <CopyButton text={() => message.text} />}
          <IconButton icon="retry" label={w.retry} disabled={isBusy} onClick={() => retryAndFocus(page.retry, message.id)} />
          <Figures message={message} />
        </div>
      )}
    </article>
  )
}
