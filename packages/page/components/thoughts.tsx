import { useSignal } from '@preact/signals'
import type { Message } from '../chats/chat.ts'
import type { Run } from '../state/page-state.ts'
import { formatSeconds } from '../words/format.ts'
import { words } from '../words/words.ts'
import { Icon } from './icon.tsx'
import { Seconds } from './seconds.tsx'

/** What a model thought before it answered. The text is hidden until the user opens it. */
export function Thoughts({ message, run }: { message: Message; run: Run | undefined }) {
  const isOpen = useSignal(false)
  const w = words.value
  const isThinking = run?.phase.value === 'thinking'
  const hasThoughts =
    isThinking ||
    Boolean(message.thinking) ||
    (run !== undefined && run.phase.value === 'writing' && run.thinking.peek() !== '')
  if (!hasThoughts) return null
  return (
    <details class="aside" open={isOpen.value} onToggle={({ currentTarget }) => (isOpen.value = currentTarget.open)}>
      <summary>
        <Icon name="bulb" />
        {isThinking ? (
          <span>
            <span>{w.phases.thinking}</span> <Seconds since={run.phaseSince.value} />
          </span>
        ) : message.thinkingMs !== undefined ? (
          w.thoughtFor(formatSeconds(message.thinkingMs, w))
        ) : (
          w.thought
        )}
        <Icon name="right" />
      </summary>
      {isOpen.value && (
        <div class="aside-text" dir="auto">
          {run ? run.thinking : message.thinking}
        </div>
      )}
    </details>
  )
}
