import { defineConfig } from 'vitest/config'

/**
 * Tests of pulled cables and changed clocks (`npm run test:machine`). They need root on Linux to
 * create a network, and Debian's libfaketime, which `install.sh` installs.
 */
export default defineConfig({
  test: {
    include: ['tests/machine/**/*.test.ts'],
    globalSetup: 'tests/build.ts',
    testTimeout: 60_000,
    hookTimeout: 30_000,
    expect: { poll: { timeout: 5000 } },
  },
})
