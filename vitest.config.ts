import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    exclude: ['tests/slow/**', 'tests/ollama/**', 'tests/proxies/**', 'tests/python/**', 'tests/machine/**'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    expect: { poll: { timeout: 5000 } },
  },
})
