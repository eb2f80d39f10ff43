/**
 * Returns a function that does the work at its first call, and returns the same result from then
 * on. If the work fails, the next call tries it again.
 */
export function once<Result>(work: () => Promise<Result>): () => Promise<Result> {
  let result: Promise<Result> | undefined
  return () =>
    (result ??= work().catch((error: unknown) => {
      result = undefined
      throw error
    }))
}
