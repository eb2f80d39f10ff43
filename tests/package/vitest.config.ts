import { defineConfig } from 'vitest/config'

/**
 * Tests of the package that `npm pack` makes (`npm run test:package`). They install it with several
 * package managers. `install.sh` installs the programs that they need.
 */
export default defineConfig({
  test: {
    include: ['tests/package/**/*.test.ts'],
    globalSetup: 'tests/package/pack.ts',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
})
