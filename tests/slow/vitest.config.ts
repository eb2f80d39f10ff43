import { defineConfig } from 'vitest/config'

/**
 * Tests that take minutes (`npm run test:slow`). They find leaks that show only after thousands of
 * streams, and check time limits of several minutes.
 */
export default defineConfig({
  // Twelve tests wait in parallel: two silences on each of six servers.
  test: {
    include: ['tests/slow/**/*.test.ts'],
    globalSetup: 'tests/build.ts',
    testTimeout: 420_000,
    hookTimeout: 60_000,
    maxConcurrency: 12,
  },
})
