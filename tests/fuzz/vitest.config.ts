import { defineConfig } from 'vitest/config'

/**
 * Configuration of `npm run fuzz`. It runs ten times as many cases as the normal test run, with a
 * new seed each time. FUZZ_SEED and FUZZ_COUNT override the seed and the number of cases.
 */
export default defineConfig({
  test: {
    include: ['tests/fuzz/**/*.test.ts'],
    globalSetup: 'tests/build.ts',
    env: { FUZZ_COUNT: process.env.FUZZ_COUNT ?? '100000', FUZZ_SEED: process.env.FUZZ_SEED ?? String(Date.now() % 1e9) },
    testTimeout: 1_200_000,
    hookTimeout: 30_000,
  },
})
