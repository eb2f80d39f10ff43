import { keys } from './keys.ts'
import type { Redis } from './redis.ts'

/** A question to other processes. */
export interface Question {
  readonly id: string
  /** Resolves with true when a process has answered, and with false if none has in time. */
  readonly answered: Promise<boolean>
  /** Waits no longer. */
  giveUp(): void
}

/** The answers that this process waits for. */
export interface Answers {
  /** Call this before the question is sent. */
  ask(limitMs: number): Question
}

export function createAnswers(redis: Redis, process: string): Answers {
  const open = new Map<string, (isAnswered: boolean) => void>()

  redis.subscribe(keys.answers(process), (id) => open.get(id)?.(true))
  return {
    ask(limitMs) {
      const id = crypto.randomUUID()
      const { promise: answered, resolve } = Promise.withResolvers<boolean>()
      const giveUp = () => resolve(false)
      const timer = setTimeout(giveUp, limitMs)
      open.set(id, resolve)
      void answered.then(() => {
        clearTimeout(timer)
        open.delete(id)
      })
      return { id, answered, giveUp }
    },
  }
}

/** Answers the question `id` of the process `from`. If the answer is lost, `from` waits in vain. */
export function answer(redis: Redis, from: string, id: string) {
  redis.send('PUBLISH', keys.answers(from), id).catch(() => {})
}
