import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { flatOut, thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { generate, read, readAll, toTold } from '../reader.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))

describe.each([
  ['with its flag for signals', ['--unstable-no-legacy-abort']],
  ['without a flag', []],
])('inside an app on Deno, %s', (_name, flags) => {
  let upstream: Upstream
  let child: ChildProcess
  let said = ''
  const app = { url: '' }

  beforeAll(async () => {
    upstream = await startUpstream()
    child = spawn(
      `${root}node_modules/.bin/deno`,
      [
        'run',
        '--no-prompt',
        '--no-check',
        ...flags,
        '--allow-net=127.0.0.1',
        '--allow-env=OLLAMA_HOST',
        'tests/fixtures/embedded-deno.ts',
      ],
      { cwd: root, env: { PATH: process.env.PATH, HOME: process.env.HOME, OLLAMA_HOST: upstream.url } },
    )
    for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (data: Buffer) => (said += data.toString()))
    await vi.waitUntil(() => /listens on \S+\n/.test(said), { timeout: 15_000 })
    app.url = /listens on (\S+)/.exec(said)![1]!
  })
  afterAll(async () => {
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
    await upstream.close()
  })

  const path = '/ai/api/generate'
  const withId = (id: string, headers = {}) => ({ path, headers: { 'x-user': 'ann', 'x-request-id': id, ...headers } })
  const lineOf = (id: string) => said.split('\n').find((line) => line.includes(id))

  test('the app knows the callers, and its own paths are its own', async () => {
    expect(await readAll(read(app, { path: '/' }))).toMatchObject({ status: 200, text: 'the app' })
    expect((await readAll(generate(app, 'sse', 'any', { path }))).status).toBe(401)
  })

  test('an answer that has ended is logged as done, with and without the flag for signals', async () => {
    for (const framing of ['sse', 'ndjson', 'folded'] as const) {
      const answer = await readAll(generate(app, framing, upstream.script(tokens({ count: 3 })), withId(`done-${framing}`)))
      expect(toTold(framing, answer.text)).toMatchObject({ text: ' token token token', failed: undefined })
      await expect.poll(() => lineOf(`done-${framing}`)).toContain('"ended":"done"')
    }
  })

  test('a reader that leaves closes the upstream', async () => {
    const model = upstream.script(thenSilent(1))
    const reader = generate(app, 'sse', model, withId('left'))
    await reader.until((text) => text.includes('token'))
    const { exchange } = await upstream.next(model)
    reader.leave()
    await exchange.closedByReader
    await expect.poll(() => lineOf('left')).toContain('"ended":"left"')
  })

  test('a reader that stalls sees a broken response', async () => {
    const model = upstream.script(flatOut({ linesPerChunk: 64 }))
    const reader = generate(app, 'sse', model, withId('stalled'))
    reader.pause()
    const { exchange } = await upstream.next(model)
    await exchange.closedByReader
    await expect.poll(() => lineOf('stalled')).toContain('"ended":"stalled"')
    reader.resume()
    expect(await reader.ended).toBe('broken')
    expect(said).toContain('Sluice has cut a reader')
    expect(said).not.toMatch(/\n\s+at /)
  })
})
