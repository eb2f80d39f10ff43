import { defineConfig } from 'vitest/config'

/** Against a real Ollama at `OLLAMA_HOST` (`npm run test:ollama`): models load, so everything may take minutes. */
export default defineConfig({
  test: {
    include: ['tests/ollama/**/*.test.ts'],
    globalSetup: 'tests/build.ts',
    testTimeout: 600_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
})
