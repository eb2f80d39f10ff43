import { defineConfig } from 'vitest/config'

/**
 * Tests of Sluice inside other apps (`npm run test:embed`), from the packed package. `install.sh`
 * installs the frameworks.
 */
export default defineConfig({
  test: {
    include: ['tests/embed/**/*.test.ts'],
    globalSetup: 'tests/build.ts',
    // The tests measure milliseconds.
    maxWorkers: 1,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 5000 } },
  },
})
