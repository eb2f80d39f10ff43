import { defineConfig } from 'vitest/config'

/**
 * Tests that need a machine of their own (`npm run test:machine`): root on Linux, for a network
 * whose cable can be pulled, and Debian's libfaketime, which `install.sh` installs.
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
