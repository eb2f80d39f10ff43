import { effect } from '@preact/signals'
import type { End } from '../chats/chat.ts'
import type { PageState } from '../state/page-state.ts'
import { words } from '../words/words.ts'
import { toFailureWords } from './failure.tsx'
import { status } from './status.tsx'

/**
 * Tells screen readers that an answer begins and how it ended. It does not announce the text
 * itself.
 */
export function announceAnswers({ run, thread }: PageState): void {
  let followed: string | undefined
  effect(() => {
    const current = run.value
    const isAnswering = current?.phase.value === 'writing' || current?.phase.value === 'thinking'
    if (isAnswering && followed !== current?.answerId) {
      followed = current?.answerId
      status.value = words.peek().began
    } else if (!current) {
      const ended = thread.peek().find(({ message }) => message.id === followed)
      followed = undefined
      if (ended) status.value = toStatus(ended.message.end)
    }
  })
}

function toStatus(end: End | undefined): string {
  const w = words.peek()
  if (end?.how === 'failed') return w.failedStatus(toFailureWords(end.code, true)[0])
  if (end?.how === 'stopped') return end.isFreed ? w.stoppedAndFree : w.stopped
  return end?.how === 'length' ? w.cutOff : w.complete
}
