import type { Answer } from '../upstreams/upstream.ts'

export interface KeptListOptions {
  load(signal: AbortSignal): Promise<Answer>
  /** Called with each answer, and with the time at which it was asked for. */
  onAnswer(answer: Answer, askedAt: number): void
  onFailure(): void
  /** Keeps the work of a promise running after its request, on runtimes that need it. */
  waitUntil: ((promise: Promise<unknown>) => void) | undefined
  now: () => number
  random: () => number
}

/** A list of a host, such as its models. Nobody waits for it: it is refreshed in the background. */
export interface KeptList {
  /** The newest answer. Undefined if there is none, or if the host has failed since. */
  readonly answer: Answer | undefined
  /** Whether the host has answered or failed at least once. */
  readonly isHeard: boolean
  /** Loads the list in the background, if it is old. */
  refresh(): void
  /** Loads the list now. @throws what `load` throws */
  load(signal: AbortSignal): Promise<Answer>
  /** Something has changed, so the list is old. */
  expire(): void
}

/** How long a list is fresh, in milliseconds. A tenth more or less, so that hosts take turns. */
const freshMs = 30_000
/** How long a failed load is not repeated, in milliseconds. It doubles up to `freshMs`. */
const firstRetryMs = 5000
/**
 * How long a load counts as running, in milliseconds. A question to Ollama takes 10 s at most, and
 * on workerd a load may die with its request (docs/hazards.md#40).
 */
const limitMs = 10_500

export function createKeptList({ load, onAnswer, onFailure, waitUntil, now, random }: KeptListOptions): KeptList {
  let answer: Answer | undefined
  let isHeard = false
  let misses = 0
  let dueAt = -Infinity
  let changedAt = -Infinity
  let endsAt = -Infinity

  async function run(signal: AbortSignal): Promise<Answer> {
    const askedAt = now()
    endsAt = askedAt + limitMs
    try {
      answer = await load(signal)
      misses = 0
      isHeard = true
      // What has changed meanwhile may not be in the answer.
      dueAt = changedAt >= askedAt ? -Infinity : now() + freshMs * (0.9 + 0.2 * random())
      onAnswer(answer, askedAt)
      return answer
    } catch (error) {
      if (signal.aborted) throw error
      answer = undefined
      isHeard = true
      dueAt = now() + Math.min(firstRetryMs * 2 ** misses++, freshMs)
      onFailure()
      throw error
    } finally {
      endsAt = -Infinity
    }
  }

  return {
    get answer() {
      return answer
    },
    get isHeard() {
      return isHeard
    },
    refresh() {
      if (now() < Math.max(dueAt, endsAt)) return
      const loaded = run(new AbortController().signal).catch(() => {})
      waitUntil?.(loaded)
    },
    load: run,
    expire() {
      changedAt = now()
      dueAt = -Infinity
    },
  }
}
