import { defineConfig } from 'vitest/config'

/**
 * Tests against a real Ollama at `OLLAMA_HOST` (`npm run test:ollama`). Models have to load, so
 * each step may take minutes.
 */
export default defineConfig({
  test: {
    include: ['tests/ollama/**/*.test.ts'],
    globalSetup: 'tests/build.ts',
    testTimeout: 600_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
})
