import { defineConfig } from 'vitest/config'

/**
 * The clients of PyPI against Sluice on the three runtimes (`npm run test:python`). `install.sh`
 * installs them.
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
