import { toFullName } from '#ollama-grammar/model-name.ts'
import { toNumber } from '../exact-json.ts'
import { toModels } from '../upstreams/models.ts'
import type { Answer } from '../upstreams/upstream.ts'

interface Resident {
  readonly name: string
  /** How many tokens the context has. 0 if it is not known. */
  readonly context: number
  /** When this was known, in milliseconds. */
  readonly at: number
}

/**
 * Knows which models are in the memory of a host: by its list, and by the requests that it runs.
 */
export function createResidency() {
  let residents = new Map<string, Resident>()
  /** The models of running requests. A model that still loads is not in the list of the host. */
  const running = new Map<string, { count: number; context: number }>()

  return {
    /** @param context how many tokens the request asks for, or 0 */
    isWarm(model: string, context: number): boolean {
      const [resident, run] = [residents.get(model), running.get(model)]
      return (resident !== undefined && resident.context >= context) || (run !== undefined && run.context >= context)
    },
    /** A request goes to the host, which loads the model if need be. */
    enter(model: string, context: number): void {
      const { count, context: known } = running.get(model) ?? { count: 0, context: 0 }
      running.set(model, { count: count + 1, context: Math.max(known, context) })
    },
    /** The request is over. If the model has answered, it stays in memory. */
    leave(model: string, context: number, hasAnswered: boolean, now: number): void {
      const run = running.get(model)
      if (run && --run.count === 0) running.delete(model)
      if (!hasAnswered || (residents.get(model)?.context ?? -1) >= context) return
      residents.set(model, { name: model, context, at: now })
    },
    /** The host has answered `/api/ps`, which was asked at `askedAt`. What is newer stays. */
    list(answer: Answer, askedAt: number): void {
      const newer = [...residents].filter(([, { at }]) => at > askedAt)
      const listed = toModels(answer).map(({ name, context_length }): [string, Resident] => [
        toFullName(name),
        { name, context: toNumber(context_length) || 0, at: askedAt },
      ])
      residents = new Map([...newer, ...listed])
    },
    /** How many models are in memory, or on their way there. */
    count(): number {
      let count = residents.size
      for (const model of running.keys()) if (!residents.has(model)) count++
      return count
    },
    toNames: (): readonly string[] => Array.from(residents.values(), ({ name }) => name),
  }
}
