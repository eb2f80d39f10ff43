import { defineConfig } from 'vitest/config'

const elsewhere = ['slow', 'ollama', 'proxies', 'python', 'agents', 'machine'].map((folder) => `tests/${folder}/**`)
/** Limits in milliseconds, in ratios of times, or in the CPU of this process. */
const timed = [
  'runtimes/{timing/*,process,event-loop}',
  'exact-json',
  'dialects/large-requests',
  'middleware/decode',
  'fake-ollama/fixtures',
  '**/speed',
].map((files) => `tests/${files}.test.ts`)

export default defineConfig({
  test: {
    globalSetup: 'tests/build.ts',
    testTimeout: 20_000,
    hookTimeout: 30_000,
    expect: { poll: { timeout: 5000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'alone',
          include: timed,
          // One file at a time, because a second file's load would be measured.
          maxWorkers: 1,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'beside',
          include: ['tests/**/*.test.ts'],
          exclude: [...elsewhere, ...timed],
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          testTimeout: 60_000,
          expect: { poll: { timeout: 15_000 } },
        },
      },
    ],
  },
})
