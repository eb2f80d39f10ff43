import type { HostView } from './pool-view.ts'

/** After this many failures without a whole answer between them, the breaker opens. */
const maxFailures = 3
/** How long the breaker is open for the first time, and at most, in milliseconds. */
const [firstOpenMs, longestOpenMs] = [5000, 60_000]
/** A host that has recovered so far has no cap any more. */
const wholeCap = 16

/**
 * What the requests to a host say about its health. It is passive: it sends no request of its own.
 * Times are in milliseconds of a monotonic clock.
 */
export interface Health {
  /** Whether the last thing that was heard of the host is no failure. */
  readonly isUp: boolean
  /**
   * How many requests should run there at once. After an open breaker the first request is alone,
   * and each success doubles the number.
   */
  readonly cap: number
  toBreaker(now: number): HostView['breaker']
  /** A model has begun to answer. */
  began(): void
  /** An answer is whole. */
  finished(): void
  /** The host has failed with a request: a 5xx, a cut, or silence in the middle of an answer. */
  failed(now: number): void
  /**
   * The host cannot be reached, or it does not list its models. Only a list of its models ends
   * this, so that no reader waits for a machine that sleeps.
   */
  lost(): void
  /**
   * The host has listed its models. It can be reached again, but only a generation proves that it
   * works (ollama#17408).
   */
  heard(): void
}

export function createHealth(): Health {
  let isUp = true
  let cap = Infinity
  let failures = 0
  let opened = 0
  let openUntil = -Infinity

  return {
    get isUp() {
      return isUp
    },
    get cap() {
      return cap
    },
    toBreaker(now) {
      if (now < openUntil) return 'open'
      return cap === 1 ? 'half_open' : 'closed'
    },
    began() {
      isUp = true
      openUntil = -Infinity
      cap = cap * 2 < wholeCap ? cap * 2 : Infinity
    },
    finished() {
      failures = 0
      opened = 0
    },
    failed(now) {
      isUp = false
      failures++
      const isOpen = now < openUntil
      if (isOpen || (failures < maxFailures && cap > 1)) return
      openUntil = now + Math.min(firstOpenMs * 2 ** opened++, longestOpenMs)
      cap = 1
    },
    lost() {
      isUp = false
      openUntil = Infinity
      cap = 1
    },
    heard() {
      if (openUntil !== Infinity) return
      isUp = true
      openUntil = -Infinity
    },
  }
}
