import { defineConfig } from 'vitest/config'

/**
 * Tests of agents and command-line programs with Sluice on Node (`npm run test:agents`).
 * `install.sh` installs the programs.
 */
export default defineConfig({
  test: {
    include: ['tests/agents/**/*.test.ts'],
    globalSetup: 'tests/build.ts',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 5000 } },
  },
})
