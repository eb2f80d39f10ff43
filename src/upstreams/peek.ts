import type { Flow } from '../generation.ts'

/**
 * Starts a source and holds it at its first value, so that its fate can be known before anybody takes it.
 * `first` is undefined if it ended without one; `flow` gives every value, the first one included.
 * @throws whatever broke the source before its first value
 */
export async function peek<T>(source: Flow<T>): Promise<{ first: T | undefined; flow: Flow<T> }> {
  const first = Promise.withResolvers<T | undefined>()
  const taken = Promise.withResolvers<void>()
  /** A source that is paused may still end, and have a last value then. */
  const held: T[] = []
  let take: ((value: T) => void | Promise<void>) | undefined
  const ended = source((value) => {
    if (take) return take(value)
    held.push(value)
    first.resolve(value)
    return taken.promise
  })
  ended.then(() => first.resolve(undefined), first.reject)
  return {
    first: await first.promise,
    async flow(taker) {
      // At once and in order: what comes next must not overtake what was held.
      take = taker
      taken.resolve(Promise.all(held.map(async (value) => taker(value))).then(() => {}))
      return ended
    },
  }
}
