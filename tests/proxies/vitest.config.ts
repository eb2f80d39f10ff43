import { defineConfig } from 'vitest/config'

/**
 * The proxies of docs/deploy.md in front of Sluice on Node (`npm run test:proxies`). `install.sh`
 * installs them.
 */
export default defineConfig({
  test: {
    include: ['tests/proxies/**/*.test.ts'],
    globalSetup: 'tests/build.ts',
    testTimeout: 30_000,
    hookTimeout: 30_000,
    expect: { poll: { timeout: 5000 } },
  },
})
