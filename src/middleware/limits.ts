/** How much of a limit is left to somebody. */
export interface Taken {
  readonly isAllowed: boolean
  /** Requests that may follow at once; undefined where the store does not tell. */
  readonly remaining: number | undefined
  /** Seconds until the next one may; 0 if it may now. */
  readonly retryAfterSeconds: number
}

/**
 * The counters behind the limits of a key or an address. In memory they are each process's (on Workers each isolate's) own; a store that many
 * processes share is one more of these (tests/contracts/limits.ts).
 */
export interface Limits {
  /** Counts a request of `who`. */
  take(who: string): Taken | Promise<Taken>
  /** Takes a place for an answer; the function that comes back gives it up, once. Undefined: there is none. */
  enter(who: string): (() => void) | undefined | Promise<(() => void) | undefined>
}
