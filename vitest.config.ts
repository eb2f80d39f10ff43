import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    exclude: ['tests/slow/**', 'tests/ollama/**', 'tests/proxies/**', 'tests/python/**', 'tests/machine/**'],
    // Most of the time goes by in waiting for sockets: two files share even a machine of two cores, of which vitest would use one.
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 30_000,
    expect: { poll: { timeout: 5000 } },
  },
})
