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

/** The black-box suite on each runtime, and over the portable defaults. */
const suites = ['tests/runtimes/{,portable/}{node,bun,worker}.test.ts']
/** For files that run beside others. */
const patient = { testTimeout: 60_000, expect: { poll: { timeout: 15_000 } } }

export default defineConfig({
  test: {
    globalSetup: 'tests/build.ts',
    testTimeout: 20_000,
    hookTimeout: 30_000,
    // Concurrent tests mostly wait.
    maxConcurrency: 10,
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
          exclude: [...elsewhere, ...timed, ...suites],
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          ...patient,
        },
      },
      {
        extends: true,
        test: {
          name: 'runtimes',
          include: suites,
          // They mostly wait.
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
          ...patient,
        },
      },
    ],
  },
})
