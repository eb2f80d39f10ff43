import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    globalSetup: 'tests/build.ts',
    exclude: ['tests/slow/**', 'tests/ollama/**', 'tests/proxies/**', 'tests/python/**', 'tests/machine/**'],
    // One file at a time: some limits are in milliseconds, and a second file's load would be measured.
    maxWorkers: 1,
    testTimeout: 20_000,
    hookTimeout: 30_000,
    expect: { poll: { timeout: 5000 } },
  },
})
