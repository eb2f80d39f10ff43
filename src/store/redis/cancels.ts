import type { CancelRequest, SharedRuns } from '../../streams/runs.ts'
import { answer, type Answers } from './answers.ts'
import { keys } from './keys.ts'
import { parseMessage } from './parse-message.ts'
import type { Redis } from './redis.ts'

/** What is asked of all processes. The process `from` waits for the answer to the question `id`. */
interface Message {
  readonly id: string
  readonly from: string
  readonly request: CancelRequest
}

/** How long a process waits for the others, in milliseconds. */
const answerMs = 250

/**
 * Cancels an answer that any process makes or sends, by its request id. Processes know the request
 * ids of others only by asking, because Redis knows nothing of answers that cannot be resumed.
 */
export function createCancels(redis: Redis, process: string, answers: Answers): Pick<SharedRuns, 'cancel' | 'onCancel'> {
  return {
    onCancel(listener) {
      redis.subscribe(keys.cancels, (text) => {
        const { id, from, request } = parseMessage<Message>(text)
        if (id && typeof from === 'string' && from !== process && request && listener(request)) answer(redis, from, id)
      })
    },
    async cancel(request) {
      const { id, answered, giveUp } = answers.ask(answerMs)
      const message: Message = { id, from: process, request }
      const heard = await redis.send('PUBLISH', keys.cancels, JSON.stringify(message)).catch(() => 0)
      // This process hears its own message, too.
      if (Number(heard) <= 1) giveUp()
      return answered
    },
  }
}
