import { defineConfig } from 'vitest/config'

const elsewhere = ['slow', 'ollama', 'proxies', 'redis', 'python', 'agents', 'linters', 'machine', 'embed', 'package'].map(
  (folder) => `tests/${folder}/**`,
)
/**
 * Tests that measure time: in milliseconds, as a ratio of times, or as CPU time of this process.
 */
const timed = [
  'runtimes/{timing/*,process,event-loop}',
  'exact-json',
  'dialects/large-requests',
  'middleware/decode',
  'fake-ollama/fixtures',
  '**/speed',
].map((files) => `tests/${files}.test.ts`)

/**
 * The black-box suite. It runs on each runtime twice: with the runtime's own `open` and `connect`,
 * and with the portable `open` and `connect`.
 */
const suites = ['tests/runtimes/{,portable/}{node,bun,deno,worker}.test.ts']
/** Longer limits for test files that run in parallel with others. */
const patient = { testTimeout: 60_000, expect: { poll: { timeout: 15_000 } } }

/** Compares the answers of the black-box suite with the OpenAPI document. */
const setupFiles = ['tests/openapi/observe-answers.ts']

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
          setupFiles,
          // One file at a time, because the load of a second file would distort the measurements.
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
          setupFiles,
          // These tests mostly wait.
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
          ...patient,
        },
      },
    ],
  },
})
