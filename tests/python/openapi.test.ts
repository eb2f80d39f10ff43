import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type Server } from '../runtimes/server.ts'

const folder = fileURLToPath(new URL('schemathesis/.venv/', import.meta.url))
const limitMs = 170_000

/** What is an error: a 5xx, and whatever the document does not say. */
const checks = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'negative_data_rejection',
]

let server: Server
/** Schemathesis keeps what it has found in its working folder, and would begin with that. */
const cwd = mkdtempSync(join(tmpdir(), 'sluice-schemathesis-'))
beforeAll(async () => {
  if (!existsSync(`${folder}complete`)) throw new Error('Cannot run Schemathesis: run tests/python/install.sh first')
  server = await startServer('node', {
    SLUICE_DEMO: '1',
    SLUICE_LOG: 'silent',
    // The answers are short. The model of the document's examples is the demo's.
    SLUICE_MAX_NUM_PREDICT: '3',
    SLUICE_ALIASES: 'gemma3:270m=demo',
  })
})
afterAll(async () => {
  await server.stop()
  rmSync(cwd, { recursive: true })
})

test('Schemathesis finds no 5xx, and no answer that the OpenAPI document does not have', { timeout: limitMs }, async () => {
  const child = spawn(
    `${folder}bin/st`,
    [
      '--no-color',
      'run',
      `${server.url}/openapi.json`,
      `--checks=${checks.join(',')}`,
      // Two workers would meet a fault of Python 3.11 (python/cpython#106905).
      '--workers=1',
      '--phases=examples,coverage,fuzzing',
      '--max-examples=5',
      '--seed=1',
      '--generation-database=none',
      '--request-timeout=10',
      '--continue-on-failure',
      // The emulator does not have this route of newer versions of Ollama.
      '--exclude-path-regex=systemone',
    ],
    { cwd, env: { PATH: process.env.PATH, PYTHONUTF8: '1' }, timeout: limitMs - 10_000 },
  )
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (said += data.toString()))
  const [status] = (await once(child, 'close')) as [number | null]
  expect(status, said).toBe(0)
  expect(Number(/(\d+) generated, \1 passed/.exec(said)?.[1]), said).toBeGreaterThan(2000)
})
