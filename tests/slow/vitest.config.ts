import { defineConfig } from 'vitest/config'

/**
 * Tests that take minutes (`npm run test:slow`). They find leaks that show only after thousands of
 * streams, and check time limits of several minutes.
 */
export default defineConfig({
  test: {
    include: ['tests/slow/**/*.test.ts'],
    globalSetup: 'tests/build.ts',
    testTimeout: 420_000,
    hookTimeout: 60_000,
    // silence.test.ts waits for two silences on each of six servers, all in parallel.
    maxConcurrency: 12,
  },
})
