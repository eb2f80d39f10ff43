/** What remains of a caller's limit after a request. */
export interface Allowance {
  readonly isAllowed: boolean
  /** Requests that may follow at once; undefined if the store does not tell. */
  readonly remaining: number | undefined
  /** Seconds until the next request is allowed; 0 if it is allowed now. */
  readonly retryAfterSeconds: number
}

/**
 * The counters behind the limits of a key or an address. Counters in memory belong to one process,
 * or to one isolate on Workers. A store that many processes share would be another implementation
 * of this interface (tests/contracts/limits.ts).
 */
export interface Limits {
  /** Counts a request of `caller`. */
  consume(caller: string): Allowance | Promise<Allowance>
  /**
   * Takes a place for an answer, and returns a function that gives the place up, once. Undefined
   * if there is no place.
   */
  enter(caller: string): (() => void) | undefined | Promise<(() => void) | undefined>
}
