import { toShares, type Limits, type Verdict } from '../../middleware/limits.ts'
import { ignore } from './storage.ts'
import { leaseMs, type StoredLimits } from './stored-limits.ts'

export interface ObjectLimitsOptions {
  /** Returns the object that counts for a caller. */
  toObject(who: string): Promise<StoredLimits>
  /** Keeps work running until the promise settles, even after its request has ended. */
  waitUntil(promise: Promise<unknown>): void
  /** Counts while the object of a caller cannot be reached. */
  fallback: Limits
}

/** A lease is renewed this often, so that a renewal may be lost. */
const renewMs = leaseMs / 3

/** Counts in the object of each caller, for all isolates together. */
export function createObjectLimits({ toObject, waitUntil, fallback }: ObjectLimitsOptions): Limits {
  return {
    async reserve(who, cost, quota) {
      if (toShares(cost, quota).length === 0) return { refusedBy: undefined, left: {}, settle() {} }
      const id = crypto.randomUUID()
      let object: StoredLimits | undefined
      try {
        object = await toObject(who)
        const { refusedBy, left } = await object.reserve(id, cost, quota)
        const isHeld = !refusedBy && Boolean(cost.answers ?? cost.tokens)
        return { refusedBy, left, ...(isHeld ? hold(object, id, waitUntil) : { settle() {} }) }
      } catch {
        // Perhaps only the answer was lost.
        if (object) waitUntil(object.settle(id, 0).catch(ignore))
        return fallback.reserve(who, cost, quota)
      }
    },
  }
}

/** Renews a reservation until it is settled or handed over. */
export function hold(
  object: StoredLimits,
  id: string,
  waitUntil: ObjectLimitsOptions['waitUntil'],
): Pick<Verdict, 'id' | 'settle'> & { handOver(): void } {
  let isHeld = true
  let timer = setTimeout(renew, renewMs)
  function renew() {
    object.renew(id).catch(ignore)
    timer = setTimeout(renew, renewMs)
  }
  return {
    id,
    settle(tokens) {
      if (!isHeld) return
      isHeld = false
      clearTimeout(timer)
      waitUntil(object.settle(id, tokens).catch(ignore))
    },
    handOver() {
      isHeld = false
      clearTimeout(timer)
    },
  }
}
