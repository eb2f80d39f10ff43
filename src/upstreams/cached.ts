import { withinLimit } from './time-limit.ts'

export interface CachedOptions<T> {
  /** How long a value is good, in milliseconds. */
  ttlMs: number
  /** How long a caller may take, with its wait for others, in milliseconds. */
  limitMs: number
  /** How many loads may be under way. */
  maxLoads: number
  now: () => number
  load(signal: AbortSignal): Promise<T>
}

interface Failure {
  readonly error: unknown
}

/** How much longer a load counts that has failed: its connection closes meanwhile. */
const closingMs = 100

/**
 * A value that is loaded when it is asked for, and kept for a while. At most so many callers load it
 * at once; the others wait for what comes of that, a failure included. A load whose caller leaves is
 * given up, and a caller that waits tries again.
 *
 * Only results are shared between requests. On workerd a load may die with its request (hazard 40):
 * each caller waits for a promise and a timer of its own, and no load counts for ever.
 * @throws ServiceError `first_token_timeout` after the limit; what `load` throws; the signal's reason
 */
export function createCached<T>({
  ttlMs,
  limitMs,
  maxLoads,
  now,
  load,
}: CachedOptions<T>): (signal: AbortSignal) => Promise<T> {
  let kept: { readonly value: T; readonly at: number } | undefined
  /** Until when each counts. */
  const loads = new Set<{ endsAt: number }>()
  const waiters = new Set<(failure?: Failure) => void>()

  const toFresh = () => (kept && now() - kept.at < ttlMs ? kept : undefined)

  async function loadFor(caller: AbortSignal, signal: AbortSignal): Promise<T> {
    const loading = { endsAt: now() + limitMs + closingMs }
    let failure: Failure | undefined
    loads.add(loading)
    try {
      const value = await load(signal)
      kept = { value, at: now() }
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

  /** Resolves with the failure of a load, and with undefined when it is time to look again. */
  async function waitForLoad(signal: AbortSignal): Promise<Failure | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<Failure | undefined>()
    const onAbort = () => reject(signal.reason as Error)
    const firstEndsAt = Math.min(...Array.from(loads, ({ endsAt }) => endsAt))
    const timer = setTimeout(resolve, firstEndsAt - now())
    signal.addEventListener('abort', onAbort)
    waiters.add(resolve)
    try {
      return await promise
    } finally {
      // Here, in its own request, whoever has woken it (hazard 74).
      waiters.delete(resolve)
      clearTimeout(timer)
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
