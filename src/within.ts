const tooLate = Symbol('too late')

/**
 * Waits for `work`, but no longer than `limitMs`. After that, `onLate` makes the result or throws.
 * This does not stop the work.
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
