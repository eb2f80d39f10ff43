import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { writeWorkerdConfig } from '../../build/write-workerd-config.ts'
import { thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { startServer, type Server } from '../runtimes/server.ts'

let upstream: Upstream
let server: Server
let worker: ChildProcess
let folder: string
let stalls: string
beforeAll(async () => {
  upstream = await startUpstream()
  server = await startServer('node', { OLLAMA_HOST: upstream.url, SLUICE_LOG: 'silent' })
  stalls = upstream.script(thenSilent(1))
  const bindings = { URL: server.url, ANSWERS: upstream.script(tokens({ count: 2 })), STALLS: stalls }
  const written = await writeWorkerdConfig(new URL('asking-worker.ts', import.meta.url), bindings)
  folder = written.folder
  const workerd = fileURLToPath(new URL('../../node_modules/.bin/workerd', import.meta.url))
  worker = spawn(workerd, ['serve', written.config, '--control-fd=3'], { stdio: ['ignore', 'inherit', 'inherit', 'pipe'] })
})
afterAll(async () => {
  worker?.kill()
  rmSync(folder, { recursive: true, force: true })
  await server?.stop()
  await upstream?.close()
})

test('a Worker reads a stream, and each way to stop early stops the upstream', async () => {
  const [line] = (await once(worker.stdio[3] as Readable, 'data')) as [Buffer]
  const { port } = JSON.parse(line.toString()) as { port: number }
  const response = await fetch(`http://127.0.0.1:${port}`)
  expect(await response.json()).toEqual([
    ' token token',
    { done: true },
    ' token token',
    'ChatStreamError cancelled',
    'ChatStreamError idle_timeout',
    'ChatHttpError not_found',
  ])
  for (let count = 0; count < 4; count++) await (await upstream.next(stalls)).exchange.closedByReader
})
