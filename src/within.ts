const tooLate = Symbol('too late')

/**
 * Waits for `work`, but no longer than `limitMs`. If `work` takes longer, returns the result of
 * `onLate`, which may also throw. `work` itself is not stopped.
 */
export async function within<T>(limitMs: number, work: Promise<T>, onLate: () => T): Promise<T> {
  const late = Promise.withResolvers<typeof tooLate>()
  const timer = setTimeout(late.resolve, limitMs, tooLate)
  try {
    const result = await Promise.race([work, late.promise])
    return result === tooLate ? onLate() : result
  } finally {
    clearTimeout(timer)
  }
}
