/** What a caller may use. 0 means no limit. */
export interface Quota {
  /** How many requests a caller may send in a minute. */
  readonly perMinute: number
  /** How many answers a caller may receive at a time. */
  readonly streams: number
  readonly tokensPerMinute?: number
  readonly tokensPerDay?: number
}

/** Returns the limits of a caller: its own, and the general ones where it has none. */
export function toQuota(general: Quota, own: Partial<Quota> | undefined): Quota {
  return own ? { ...general, ...own } : general
}

/** What a request takes from the limits of its caller. A missing field takes nothing. */
export interface Cost {
  readonly requests?: 1
  readonly answers?: 1
  /** How many tokens the request will use at most. `settle` corrects this number. */
  readonly tokens?: number
}

export type LimitName = 'requests' | 'answers' | 'tokensPerMinute' | 'tokensPerDay'

/** What a caller has left of one limit. */
export interface Left {
  /** Rounded down. Undefined if the store does not report it. */
  readonly remaining: number | undefined
  /** Seconds until this limit allows a request; 0 if it allows one now. */
  readonly retryAfterSeconds: number
}

export interface Verdict {
  /**
   * The limit that refuses the reservation. If several limits refuse it, this is the limit with the
   * longest wait. Undefined if the reservation is allowed.
   */
  readonly refusedBy: LimitName | undefined
  /** What is left now of each limit that the reservation asked for. */
  readonly left: Readonly<Partial<Record<LimitName, Left>>>
  /**
   * Call this when the answer is over, with the tokens that it has used. Without a number, it has
   * used what was reserved. The place of the answer becomes free, and the tokens are corrected.
   * A second call does nothing, and neither does a call after a refusal.
   */
  settle(tokens?: number): void
  /**
   * The id by which another process can settle the reservation. Absent if the limits are for one
   * process, or if nothing is held.
   */
  readonly id?: string
  /** Call this when another process has taken the reservation over, and settles it. */
  handOver?(): void
}

/**
 * Counts what each caller uses. `createMemoryLimits` counts for one process, or for one isolate on
 * Workers. tests/contracts/limits.ts tests any implementation.
 *
 * Requests and tokens come back continuously: after a minute (or a day) without requests, a caller
 * has all of them again. A limit allows a reservation if at least one request, place or token is
 * left. So a large request is never impossible, and a budget of tokens is passed by less than one
 * reservation.
 *
 * A store that outlives the process gives back by itself, within a lease, what a dead process held:
 * the places of its answers, and the tokens that it has not settled. It renews what a living
 * process holds.
 */
export interface Limits {
  /**
   * Takes all of `cost`, or nothing if one limit refuses. So a refused request costs nothing. `who`
   * is any text. Never rejects.
   */
  reserve(who: string, cost: Cost, quota: Quota): Verdict | Promise<Verdict>
}

/** One limit, and what a reservation takes from it. */
export interface Share {
  readonly limit: LimitName
  readonly max: number
  /**
   * In this time, the whole limit comes back, in milliseconds. 0 for places: a place comes back
   * when its answer is over.
   */
  readonly periodMs: number
  readonly count: number
}

/** Returns the limits that a reservation takes from. */
export function toShares({ requests, answers, tokens }: Cost, quota: Quota): Share[] {
  const { perMinute, streams, tokensPerMinute = 0, tokensPerDay = 0 } = quota
  const shares = [
    { limit: 'requests', max: perMinute, periodMs: 60_000, count: requests },
    { limit: 'answers', max: streams, periodMs: 0, count: answers },
    { limit: 'tokensPerMinute', max: tokensPerMinute, periodMs: 60_000, count: tokens },
    { limit: 'tokensPerDay', max: tokensPerDay, periodMs: 86_400_000, count: tokens },
  ] as const
  return shares.flatMap(({ count, ...share }) => (share.max > 0 && count !== undefined ? [{ ...share, count }] : []))
}

/**
 * Returns what settling adds to what a caller has used. It is negative if tokens are given back. Of
 * a reservation that is `ageMs` old a part has come back already. It is not given back again,
 * because it would be taken from other reservations.
 */
export function toCorrection({ max, periodMs, count }: Share, tokens: number, ageMs: number): number {
  const held = Math.max(count - (ageMs * max) / periodMs, 0)
  return Math.max(tokens - count, -held)
}

/** Nobody knows when an answer will be over, so a caller without a free place waits this long. */
const placeRetrySeconds = 5

/**
 * Returns the verdict on a reservation. `available` is what was left of each share before the
 * reservation. The reservation is allowed if each of these numbers is at least 1.
 */
export function toVerdict(shares: readonly Share[], available: readonly number[], settle: Verdict['settle']): Verdict {
  const isAllowed = available.every((number) => number >= 1)
  const left: Partial<Record<LimitName, Left>> = {}
  let refusedBy: LimitName | undefined
  for (const [i, { limit, max, periodMs, count }] of shares.entries()) {
    const remaining = isAllowed ? available[i]! - count : available[i]!
    const waitMs = periodMs === 0 ? placeRetrySeconds * 1000 : ((1 - remaining) * periodMs) / max
    const retryAfterSeconds = remaining >= 1 ? 0 : Math.ceil(waitMs / 1000)
    left[limit] = { remaining: Math.max(Math.floor(remaining), 0), retryAfterSeconds }
    if (!isAllowed && retryAfterSeconds > (refusedBy ? left[refusedBy]!.retryAfterSeconds : 0)) refusedBy = limit
  }
  return { refusedBy, left, settle: isAllowed ? settle : () => {} }
}
