import { useSignal, useSignalEffect } from '@preact/signals'
import { useRef } from 'preact/hooks'
import type { End } from '../chats/chat.ts'
import { words } from '../words/words.ts'
import { toFailureWords } from './failure.tsx'
import { usePage } from './page.ts'

/** Tells who cannot see it that an answer begins, and how it ended; not its every word. */
export function Announcer() {
  const { run, thread } = usePage()
  const text = useSignal('')
  const followed = useRef<string>(undefined)
  useSignalEffect(() => {
    const current = run.value
    const isAnswering = current?.phase.value === 'writing' || current?.phase.value === 'thinking'
    if (isAnswering && followed.current !== current?.answerId) {
      followed.current = current?.answerId
      text.value = words.peek().began
    } else if (!current) {
      const ended = thread.peek().find(({ message }) => message.id === followed.current)
      followed.current = undefined
      if (ended) text.value = toStatus(ended.message.end)
    }
  })
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
