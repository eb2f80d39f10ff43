/** What remains of a caller's limit after a request. */
export interface Allowance {
  readonly isAllowed: boolean
  /** How many more requests are allowed now. Undefined if the store does not report it. */
  readonly remaining: number | undefined
  /** Seconds until the next request is allowed; 0 if it is allowed now. */
  readonly retryAfterSeconds: number
}

/**
 * Counts the requests and answers of each caller. The implementation in memory counts for one
 * process, or for one isolate on Workers. A store that many processes share would be another
 * implementation. tests/contracts/limits.ts tests any implementation.
 */
export interface Limits {
  /** Counts a request of `caller`. */
  consume(caller: string): Allowance | Promise<Allowance>
  /**
   * Reserves a place for an answer. Returns a function that releases the place, or undefined if no
   * place is free. Only the first call of the function has an effect.
   */
  enter(caller: string): (() => void) | undefined | Promise<(() => void) | undefined>
}
