import { within } from '../within.ts'
import { withinLimit } from './time-limit.ts'

export interface CachedOptions<T> {
  /** How long a value is valid, in milliseconds. */
  ttlMs: number
  /**
   * How long one call may take, in milliseconds. This includes the time that the call waits for the
   * loads of other callers.
   */
  limitMs: number
  /** How many loads may run at once. */
  maxLoads: number
  now: () => number
  load(signal: AbortSignal): Promise<T>
}

interface Failure {
  readonly error: unknown
}

/**
 * How long a failed load still counts as running, in milliseconds. Its connection closes in that
 * time.
 */
const closingMs = 100

/**
 * Caches a value. The value is loaded when a caller needs it, and kept for `ttlMs`. At most
 * `maxLoads` callers load it at once. The other callers wait for the result, which may be a
 * failure. If the signal of a loading caller aborts, the load is aborted, and a waiting caller
 * tries again.
 *
 * Requests share only results and no promises, because on workerd a load may die with its request
 * (docs/hazards.md#40). So each caller has its own promise and its own timer, and a load counts as
 * running only until its limit.
 * @throws ServiceError `first_token_timeout` after the limit; what `load` throws; the signal's
 * reason
 */
export function createCached<T>({
  ttlMs,
  limitMs,
  maxLoads,
  now,
  load,
}: CachedOptions<T>): (signal: AbortSignal) => Promise<T> {
  let cached: { readonly value: T; readonly loadedAt: number } | undefined
  /** The running loads. A load counts towards `maxLoads` until its `endsAt`. */
  const loads = new Set<{ endsAt: number }>()
  const waiters = new Set<(failure?: Failure) => void>()

  const toFresh = () => (cached && now() - cached.loadedAt < ttlMs ? cached : undefined)

  async function loadFor(caller: AbortSignal, signal: AbortSignal): Promise<T> {
    const loading = { endsAt: now() + limitMs + closingMs }
    let failure: Failure | undefined
    loads.add(loading)
    try {
      const value = await load(signal)
      cached = { value, loadedAt: now() }
      loads.delete(loading)
      return value
    } catch (error) {
      loading.endsAt = now() + closingMs
      if (!caller.aborted) failure = { error }
      throw error
    } finally {
      for (const wake of waiters) wake(failure)
      waiters.clear()
    }
  }

  /** Resolves with the failure of a load, or with undefined when the caller should check again. */
  async function waitForLoad(signal: AbortSignal): Promise<Failure | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<Failure | undefined>()
    const onAbort = () => reject(signal.reason as Error)
    const firstEndsAt = Math.min(...Array.from(loads, ({ endsAt }) => endsAt))
    signal.addEventListener('abort', onAbort)
    waiters.add(resolve)
    try {
      return await within(firstEndsAt - now(), promise, () => undefined)
    } finally {
      // Each waiting caller removes its own listener. On workerd, the request that wakes a waiting
      // caller must not touch the signal of that caller (docs/hazards.md#74).
      waiters.delete(resolve)
      signal.removeEventListener('abort', onAbort)
    }
  }

  return async (caller) => {
    const fresh = toFresh()
    if (fresh) return fresh.value
    return withinLimit(limitMs, caller, async (signal) => {
      for (;;) {
        signal.throwIfAborted()
        const fresh = toFresh()
        if (fresh) return fresh.value
        for (const loading of loads) if (loading.endsAt <= now()) loads.delete(loading)
        if (loads.size < maxLoads) return loadFor(caller, signal)
        const failure = await waitForLoad(signal)
        if (failure) throw failure.error
      }
    })
  }
}
