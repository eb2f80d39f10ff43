import {
  toCorrection,
  toShares,
  toVerdict,
  type Cost,
  type LimitName,
  type Quota,
  type Share,
  type Verdict,
} from '../../middleware/limits.ts'
import { once } from './once.ts'
import { ignore, unconfirmed, type ObjectStorage } from './storage.ts'

/** A verdict without its functions. It crosses the border between two objects. */
export type PlainVerdict = Pick<Verdict, 'refusedBy' | 'left'>

/** The limits of one caller, in the object of the caller. */
export interface StoredLimits {
  /** Reserves `cost` under this id, for the time of a lease. */
  reserve(id: string, cost: Cost, quota: Quota): Promise<PlainVerdict>
  /** Gives back what the reservation holds, and corrects its tokens. */
  settle(id: string, tokens: number | undefined): Promise<void>
  /** Renews the lease of a reservation. */
  renew(id: string): Promise<void>
}

export interface SweptLimits extends StoredLimits {
  /** Releases what has expired. Returns whether the caller has everything that a limit allows. */
  sweep(): Promise<boolean>
}

export interface StoredLimitsOptions {
  storage: ObjectStorage
  /** Returns the time in milliseconds since 1970. */
  now: () => number
}

/** What is not settled or renewed for this time comes back by itself, in milliseconds. */
export const leaseMs = 60_000

interface Used {
  readonly count: number
  /** The time of `count`. */
  readonly at: number
}

interface Reservation {
  readonly cost: Cost
  readonly quota: Quota
  readonly at: number
  readonly expiresAt: number
}

/** All that is counted is one value, because each value that is written is billed. */
interface Counted {
  readonly used: Partial<Record<LimitName, Used>>
  /** The reservations that hold a place or tokens. */
  readonly open: Map<string, Reservation>
}

const key = 'limits'

/** Counts in the storage of a Durable Object. */
export function createStoredLimits({ storage, now }: StoredLimitsOptions): SweptLimits {
  const load = once(async () => (await storage.get<Counted>(key)) ?? { used: {}, open: new Map() })
  function save(counted: Counted) {
    storage.put(key, counted, unconfirmed).catch(ignore)
  }

  function toUsed({ used, open }: Counted, { limit, max, periodMs }: Share, time: number): number {
    if (periodMs === 0) return [...open.values()].filter(({ cost }) => cost.answers).length
    const { count, at } = used[limit] ?? { count: 0, at: time }
    return Math.max(count - ((time - at) * max) / periodMs, 0)
  }
  /** Adds `number`, which may be negative, to what the caller has used. */
  function add(counted: Counted, share: Share, number: number, time: number) {
    if (share.periodMs === 0) return
    counted.used[share.limit] = { count: Math.max(toUsed(counted, share, time) + number, 0), at: time }
  }
  function release(counted: Counted, id: string, tokens: number, time: number) {
    const reservation = counted.open.get(id)
    if (!reservation) return
    counted.open.delete(id)
    for (const share of toShares(reservation.cost, reservation.quota))
      if (share.limit !== 'requests') add(counted, share, toCorrection(share, tokens, Math.max(time - reservation.at, 0)), time)
  }
  /**
   * Releases what has expired. If the clock has jumped back, what is counted is from the future. It
   * then counts as from now, because otherwise nothing would come back until that time.
   */
  function update({ used, open }: Counted, time: number) {
    for (const [limit, { count, at }] of Object.entries(used)) if (at > time) used[limit as LimitName] = { count, at: time }
    for (const [id, reservation] of open) {
      const expiresAt = Math.min(reservation.expiresAt, time + leaseMs)
      if (expiresAt <= time) release({ used, open }, id, 0, time)
      else open.set(id, { ...reservation, expiresAt })
    }
  }

  return {
    async reserve(id, cost, quota) {
      const counted = await load()
      const time = now()
      update(counted, time)
      const shares = toShares(cost, quota)
      const available = shares.map((share) => share.max - toUsed(counted, share, time))
      const verdict = toVerdict(shares, available, () => {})
      if (!verdict.refusedBy && shares.length > 0) {
        for (const share of shares) add(counted, share, share.count, time)
        if (shares.some(({ limit }) => limit !== 'requests'))
          counted.open.set(id, { cost, quota, at: time, expiresAt: time + leaseMs })
        save(counted)
      }
      return { refusedBy: verdict.refusedBy, left: verdict.left }
    },
    async settle(id, tokens) {
      const counted = await load()
      const reservation = counted.open.get(id)
      if (!reservation) return
      release(counted, id, tokens ?? reservation.cost.tokens ?? 0, now())
      save(counted)
    },
    async renew(id) {
      const counted = await load()
      const reservation = counted.open.get(id)
      if (!reservation) return
      counted.open.set(id, { ...reservation, expiresAt: now() + leaseMs })
      save(counted)
    },
    async sweep() {
      const counted = await load()
      const time = now()
      update(counted, time)
      const isBack = ([limit, { at }]: [string, Used]) => time - at > (limit === 'tokensPerDay' ? 86_400_000 : 60_000)
      return counted.open.size === 0 && Object.entries(counted.used).every(isBack)
    },
  }
}
