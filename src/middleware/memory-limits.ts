import { toCorrection, toShares, toVerdict, type LimitName, type Limits, type Share } from './limits.ts'

/** What a caller has used of a limit that comes back continuously. */
interface Used {
  readonly count: number
  /** The time of `count`. */
  readonly at: number
  /** When the whole limit has come back. */
  readonly freeAt: number
}

interface Caller {
  /** The answers under way. */
  answers: number
  readonly used: Partial<Record<LimitName, Used>>
}

/**
 * When there are this many callers, those who use nothing are deleted to save memory. A missing
 * caller counts as one who uses nothing, so no caller loses or gains anything.
 */
const sweepSize = 10_000

/**
 * Counts in the memory of this process. `now` returns the time of a monotonic clock in
 * milliseconds.
 */
export function createMemoryLimits({ now }: { now: () => number }): Limits {
  const callers = new Map<string, Caller>()
  let sweepAt = sweepSize

  function toCaller(who: string, time: number): Caller {
    let caller = callers.get(who)
    if (!caller) {
      if (callers.size >= sweepAt) sweep(time)
      caller = { answers: 0, used: {} }
      callers.set(who, caller)
    }
    return caller
  }

  function sweep(time: number) {
    const isIdle = ({ answers, used }: Caller) => answers === 0 && Object.values(used).every(({ freeAt }) => freeAt <= time)
    for (const [who, caller] of callers) if (isIdle(caller)) callers.delete(who)
    sweepAt = Math.max(sweepSize, 2 * callers.size)
  }

  function toUsed(caller: Caller, { limit, max, periodMs }: Share, time: number): number {
    if (periodMs === 0) return caller.answers
    const used = caller.used[limit]
    return used ? Math.max(used.count - ((time - used.at) * max) / periodMs, 0) : 0
  }

  /** Adds `number`, which may be negative, to what the caller has used. */
  function add(caller: Caller, share: Share, number: number, time: number) {
    const { limit, max, periodMs } = share
    const count = Math.max(toUsed(caller, share, time) + number, 0)
    if (periodMs === 0) caller.answers = count
    else caller.used[limit] = { count, at: time, freeAt: time + (count * periodMs) / max }
  }

  return {
    reserve(who, cost, quota) {
      const time = now()
      const shares = toShares(cost, quota)
      const caller = toCaller(who, time)
      const available = shares.map((share) => share.max - toUsed(caller, share, time))
      let isOpen = available.every((number) => number >= 1)
      if (isOpen) for (const share of shares) add(caller, share, share.count, time)
      return toVerdict(shares, available, (tokens = cost.tokens ?? 0) => {
        if (!isOpen) return
        isOpen = false
        const settledAt = now()
        const caller = toCaller(who, settledAt)
        for (const share of shares) {
          if (share.limit === 'answers') add(caller, share, -1, settledAt)
          else if (share.limit !== 'requests') add(caller, share, toCorrection(share, tokens, settledAt - time), settledAt)
        }
      })
    },
  }
}
