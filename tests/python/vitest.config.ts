import { defineConfig } from 'vitest/config'

/**
 * Tests of Python clients from PyPI with Sluice on the three runtimes (`npm run test:python`).
 * `install.sh` installs the clients.
 */
export default defineConfig({
  test: {
    include: ['tests/python/**/*.test.ts'],
    globalSetup: 'tests/build.ts',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 5000 } },
  },
})
