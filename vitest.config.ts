import { defineConfig } from 'vitest/config'

const elsewhere = ['slow', 'ollama', 'proxies', 'python', 'agents', 'machine'].map((folder) => `tests/${folder}/**`)
/** Nothing here is limited in milliseconds. */
const patient = [
  'browser/{page,senses}/**/!(speed)',
  'page/**/!(speed)',
  'client/**/*',
  'deploy/*',
  'fuzz/*',
  'runtimes/wrangler',
  '{readme,clients,injection}',
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
          include: ['tests/**/*.test.ts'],
          exclude: [...elsewhere, ...patient],
          // One file at a time: some limits are in milliseconds, and a second file's load would be measured.
          maxWorkers: 1,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'beside',
          include: patient,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          testTimeout: 60_000,
          expect: { poll: { timeout: 15_000 } },
        },
      },
    ],
  },
})
