import { effect } from '@preact/signals'
import type { End } from '../chats/chat.ts'
import type { PageState, Run } from '../state/page-state.ts'
import { words } from '../words/words.ts'
import { toFailureWords } from './failure.tsx'
import { toNote } from './ending.tsx'
import { status } from './status.tsx'

/**
 * Tells screen readers that an answer begins, that its connection broke or works again, and how the
 * answer ended. It does not announce the text itself.
 */
export function announceAnswers({ run, thread }: PageState): void {
  let followed: string | undefined
  let broken: Run | undefined
  effect(() => {
    const current = run.value
    if (!current || (current === broken) === (current.reconnectingSince.value !== undefined)) return
    broken = current === broken ? undefined : current
    status.value = broken ? words.peek().reconnecting : words.peek().resumed
  })
  effect(() => {
    const current = run.value
    const isAnswering = current?.phase.value === 'writing' || current?.phase.value === 'thinking'
    if (isAnswering && followed !== current?.answerId) {
      followed = current?.answerId
      const known = thread.peek().find(({ message }) => message.id === followed)?.message.text
      status.value = known ? words.peek().resumed : words.peek().began
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
  return toNote(end) ?? w.complete
}
