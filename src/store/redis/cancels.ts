import type { CancelRequest, SharedRuns } from '../../streams/runs.ts'
import { keys } from './keys.ts'
import type { Redis } from './redis.ts'

/** What is asked of all processes. The process `from` waits for the answer to the question `id`. */
interface Question {
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
export function createCancels(redis: Redis, process: string): Pick<SharedRuns, 'cancel' | 'onCancel'> {
  const questions = new Map<string, (isFound: boolean) => void>()
  const send = (...command: string[]) => redis.send(...command).catch(() => 0)

  redis.subscribe(keys.answers(process), (id) => questions.get(id)?.(true))
  return {
    onCancel(listener) {
      redis.subscribe(keys.cancels, (message) => {
        const { id, from, request } = JSON.parse(message) as Question
        if (from !== process && listener(request)) void send('PUBLISH', keys.answers(from), id)
      })
    },
    async cancel(request) {
      const id = crypto.randomUUID()
      const { promise, resolve } = Promise.withResolvers<boolean>()
      questions.set(id, resolve)
      const question: Question = { id, from: process, request }
      const heard = await send('PUBLISH', keys.cancels, JSON.stringify(question))
      // This process hears the question, too.
      if (Number(heard) <= 1) resolve(false)
      const timer = setTimeout(resolve, answerMs, false)
      const isFound = await promise
      clearTimeout(timer)
      questions.delete(id)
      return isFound
    },
  }
}
