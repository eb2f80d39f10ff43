/** The same seed always produces the same cases. */
export const seed = Number(process.env.FUZZ_SEED ?? 1)
export const count = Number(process.env.FUZZ_COUNT ?? 10_000)
