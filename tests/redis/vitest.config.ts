import { defineConfig } from 'vitest/config'

/**
 * Tests over a real Redis (`npm run test:redis`). `install.sh` installs it.
 */
export default defineConfig({
  test: {
    include: ['tests/redis/**/*.test.ts'],
    globalSetup: 'tests/build.ts',
    testTimeout: 30_000,
    hookTimeout: 30_000,
    expect: { poll: { timeout: 5000 } },
  },
})
