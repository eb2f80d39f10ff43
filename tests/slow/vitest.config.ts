import { defineConfig } from 'vitest/config'

/**
 * Tests that take minutes (`npm run test:slow`): leaks that show after thousands of streams, and
 * limits of the runtimes that count minutes.
 */
export default defineConfig({
  // Twelve tests wait side by side: two silences of six servers.
  test: {
    include: ['tests/slow/**/*.test.ts'],
    globalSetup: 'tests/build.ts',
    testTimeout: 420_000,
    hookTimeout: 60_000,
    maxConcurrency: 12,
  },
})
