import { defineConfig } from 'vitest/config'

/**
 * Tests of Sluice on Node behind the proxies of docs/deploy.md (`npm run test:proxies`).
 * `install.sh` installs the proxies.
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
