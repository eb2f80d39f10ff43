import { useRef } from 'preact/hooks'
import { words } from '../words/words.ts'
import { Answer } from './answer.tsx'
import { IconButton } from './icon-button.tsx'
import { usePage } from './page.ts'
import { Question } from './question.tsx'
import { useStickToBottom } from './stick-to-bottom.ts'

/**
 * The messages of the open chat. An answer that is being written updates itself, so this component
 * does not render again for it.
 */
export function Conversation() {
  const { thread, run, chat } = usePage()
  const scroller = useRef<HTMLDivElement>(null)
  const log = useRef<HTMLDivElement>(null)
  const lastRun = useRef('')
  if (run.value) lastRun.current = run.value.answerId
  const { isAway, toBottom } = useStickToBottom(scroller, log, `${chat.value.id} ${lastRun.current} ${words.value.tag}`)
  const w = words.value
  const last = thread.value.at(-1)?.message.id
  return (
    <div class="thread">
      <div class="scroller" ref={scroller}>
        <div class="log" ref={log} role="log" aria-live="off" aria-label={w.conversation}>
          {/* Sibling branches share a key, so that the focus stays when the branch changes. */}
          {thread.value.map(({ message, index, count }) =>
            message.role === 'user' ? (
              <Question key={message.parent || chat.value.id} message={message} index={index} count={count} />
            ) : (
              <Answer
                key={message.parent}
                message={message}
                index={index}
                count={count}
                isLast={message.id === last}
                run={run.value?.answerId === message.id ? run.value : undefined}
              />
            ),
          )}
        </div>
      </div>
      {isAway.value && (
        <div class="to-newest">
          <IconButton icon="end" label={w.toNewest} onClick={toBottom} />
        </div>
      )}
    </div>
  )
}
