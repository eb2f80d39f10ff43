import { effect, useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { End } from '../chats/chat.ts'
import { words } from '../words/words.ts'
import { toFailureWords } from './failure.tsx'
import { usePage } from './page.ts'

/** Tells who cannot see it that an answer begins, and how it ended; not its every word. */
export function Announcer() {
  const { run, thread } = usePage()
  const text = useSignal('')
  // An effect of the page's own, which runs at once: one of a component waits for the next frame, and a short answer is over by then.
  useEffect(() => {
    let followed: string | undefined
    return effect(() => {
      const current = run.value
      const isAnswering = current?.phase.value === 'writing' || current?.phase.value === 'thinking'
      if (isAnswering && followed !== current?.answerId) {
        followed = current?.answerId
        text.value = words.peek().began
      } else if (!current) {
        const ended = thread.peek().find(({ message }) => message.id === followed)
        followed = undefined
        if (ended) text.value = toStatus(ended.message.end)
      }
    })
  }, [])
  return (
    <p class="hidden" role="status">
      {text}
    </p>
  )
}

function toStatus(end: End | undefined): string {
  const w = words.peek()
  if (end?.how === 'failed') return w.failedStatus(toFailureWords(end.code, true)[0])
  if (end?.how === 'stopped') return end.isFreed ? w.stoppedAndFree : w.stopped
  return end?.how === 'length' ? w.cutOff : w.complete
}
