import { spawn } from 'node:child_process'
import { createServer, type AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { badConfigurations, canary } from '../fixtures/bad-configurations.ts'
import { refusedUrl } from '#fake-ollama/faults.ts'
import { flatOut, lines, silent, thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { generate, read, readAll, readFailure, toSseEvents, toTold, type Reader } from './reader.ts'
import { refusalOf, startServer, type RuntimeName, type Server } from './server.ts'

const runtimes = ['node', 'bun', 'deno'] as const

let upstream: Upstream
const servers: Server[] = []

beforeAll(async () => {
  upstream = await startUpstream()
})

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()))
})

afterAll(() => upstream.close())

async function start(runtime: RuntimeName, env: Record<string, string> = {}): Promise<Server> {
  const server = await startServer(runtime, { OLLAMA_HOST: upstream.url, ...env })
  servers.push(server)
  return server
}

const linesOf = (server: Server) => server.output().trimEnd().split('\n')

interface LogLine {
  readonly [field: string]: unknown
  readonly request_id: string
}

const logOf = (server: Server) =>
  linesOf(server)
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as LogLine)

const lineOf = (server: Server, id: string) => logOf(server).find(({ request_id }) => request_id === id)

const withId = (id: string, accept = 'text/event-stream') => ({ headers: { 'x-request-id': id, accept } })

describe.each(runtimes)('%s: start', (runtime) => {
  test('one line names the address, with a free port, and the upstream', async () => {
    const server = await start(runtime, { PORT: '0' })
    expect(linesOf(server)).toEqual([`Sluice listens on http://127.0.0.1:${server.port} in front of Ollama at ${upstream.url}`])
    expect(await readAll(read(server, { path: '/ping' }))).toMatchObject({ status: 200 })
  })

  test('0.0.0.0 is printed as an address that can be opened', async () => {
    const server = await start(runtime, { HOST: '0.0.0.0', SLUICE_INSECURE: '1' })
    expect(linesOf(server)[0]).toContain(`http://127.0.0.1:${server.port} `)
    expect(await readAll(read(server, { path: '/ping' }))).toMatchObject({ status: 200 })
  })

  test('an address that other machines reach needs keys, or an explicit setting and a warning at each start', async () => {
    const text = await refusalOf(runtime, { HOST: '0.0.0.0' })
    expect(text).toContain('it ended with 1\n')
    expect(text).toContain('HOST: others can reach this address, and there are no keys; set SLUICE_API_KEYS')
    for (const HOST of ['127.0.0.2', 'localhost']) await start(runtime, { HOST })
    const insisting = await start(runtime, { HOST: '0.0.0.0', SLUICE_INSECURE: '1' })
    await expect.poll(() => linesOf(insisting)).toContainEqual(expect.stringMatching(/^Warning: there are no keys/))
    const keyed = await start(runtime, { HOST: '0.0.0.0', SLUICE_API_KEYS: `me:${'0'.repeat(64)}` })
    expect(keyed.output()).not.toContain('Warning')
  })

  test('a secret for stream tokens needs keys', async () => {
    const text = await refusalOf(runtime, { SLUICE_TOKEN_SECRET: canary.repeat(4) })
    expect(text).toContain('it ended with 1\n')
    expect(text).toContain('SLUICE_TOKEN_SECRET: must be unset without keys')
    expect(text).not.toContain(canary)
  })

  test('the demo states that its answers are invented, and prints a command that streams at once', async () => {
    const server = await start(runtime, { SLUICE_DEMO: '1', OLLAMA_HOST: '' })
    await expect.poll(() => linesOf(server).length).toBe(2)
    const [first, second] = linesOf(server)
    expect(first).toMatch(/^Sluice listens on http:\/\/127\.0\.0\.1:\d+ in front of the built-in demo: every answer is made up/)
    const command = /^Try: (curl -N .+)$/.exec(second!)![1]!

    const curl = spawn('sh', ['-c', `${command} -s`])
    let said = ''
    curl.stdout.on('data', (data: Buffer) => (said += data.toString()))
    await expect.poll(() => said, { timeout: 10_000 }).toContain('event: messages\ndata: ')
    expect(curl.exitCode).toBeNull()
    expect(said).not.toContain('event: done')
    curl.kill()

    const one = await readAll(read(server, { path: '/api/generate', body: { prompt: 'Hi', options: { num_predict: 3 } } }))
    expect(JSON.parse(toSseEvents(one.text).at(-1)!.data)).toMatchObject({ done: true, model: expect.stringContaining('demo') })
  })

  test('of several Ollamas it names each, and those that do not answer yet', async () => {
    const url = await refusedUrl()
    const hosts = `on=${upstream.url},off=${url},gone=${url}`
    const server = await start(runtime, { OLLAMA_HOST: '', OLLAMA_HOSTS: hosts })
    await expect.poll(() => linesOf(server).length).toBe(2)
    expect(linesOf(server)[0]).toMatch(
      new RegExp(` in front of Ollama at on \\(${upstream.url}\\), off \\(${url}\\), gone \\(${url}\\)$`),
    )
    expect(linesOf(server)[1]).toMatch(/^Ollama does not answer yet on off, gone; \/readyz /)
    expect(await readAll(read(server, { path: '/readyz' }))).toMatchObject({ status: 200 })
  })

  test('without Ollama it starts, warns in one line, and /readyz is not ready', async () => {
    const url = await refusedUrl()
    const server = await start(runtime, { OLLAMA_HOST: url })
    await expect.poll(() => linesOf(server).length).toBe(2)
    expect(linesOf(server)[1]).toMatch(/^Ollama does not answer there yet: start it .*OLLAMA_HOST.*\/readyz/)
    const ready = await readAll(read(server, { path: '/readyz' }))
    expect(ready).toMatchObject({ status: 503, text: '{"status":"not_ready","code":"upstream_unreachable"}' })
    expect(await readAll(read(server, { path: '/ping' }))).toMatchObject({ status: 200 })
  })

  test('the error for a port in use names the port and a solution', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as AddressInfo
    const text = await refusalOf(runtime, { PORT: String(port) })
    other.close()
    expect(text).toContain('it ended with 1\n')
    expect(text).toContain(
      `Cannot listen: port ${port} of 127.0.0.1 is in use; set another one with PORT, or 0 for any free port`,
    )
    expect(text).not.toMatch(/\.ts:\d|^ +at |EADDRINUSE/m)
  })

  test('the error for an address of another machine names the address', async () => {
    const text = await refusalOf(runtime, { HOST: '192.0.2.1', SLUICE_INSECURE: '1' })
    expect(text).toContain('it ended with 1\n')
    expect(text).toContain('Cannot listen on 192.0.2.1')
  })

  test('a mistake in the environment ends it within a second', { retry: 2 }, async () => {
    const startedAt = performance.now()
    const text = await refusalOf(runtime, { SLUICE_GRACE_MS: canary, OLLAMA_API_KEY: `${canary} x` })
    expect(performance.now() - startedAt).toBeLessThan(1000)
    expect(text).toContain('it ended with 1\nCannot start: the environment has mistakes\n')
    expect(text).toContain('SLUICE_GRACE_MS: ')
    expect(text).toContain('OLLAMA_API_KEY: ')
    expect(text).not.toContain(canary)
  })
})

describe('Bun limits simultaneous requests over TLS, and no stream may wait for one (hazard 29)', () => {
  const remedy = 'BUN_CONFIG_MAX_HTTP_REQUESTS=65336 raises that, and npm run start:bun sets it'

  // If Bun does not understand the variable, it uses its default, 256.
  test.each([
    ['256', '257', 256],
    ['999', '1000', 999],
    ['', '1000', 256],
    ['0', '1000', 256],
    ['1e5', '1000', 256],
    ['65536', '1000', 256],
  ])('BUN_CONFIG_MAX_HTTP_REQUESTS=%s refuses SLUICE_MAX_STREAMS=%s', async (requests, streams, max) => {
    const limits = { BUN_CONFIG_MAX_HTTP_REQUESTS: requests, SLUICE_MAX_STREAMS: streams }
    const text = await refusalOf('bun', { OLLAMA_HOST: 'https://ollama.test', ...limits })
    expect(text).toContain('it ended with 1\n')
    expect(text).toContain(
      `Cannot start: the environment has mistakes\nSLUICE_MAX_STREAMS: must be at most ${max}, because Bun`,
    )
    expect(text).toContain(remedy)
  })

  test('as many streams as requests are accepted', async () => {
    const limits = { BUN_CONFIG_MAX_HTTP_REQUESTS: '256', SLUICE_MAX_STREAMS: '256' }
    const server = await start('bun', { OLLAMA_HOST: 'https://127.0.0.1:9', ...limits })
    expect(server.output()).toContain('Sluice listens on')
  })

  test('plain HTTP goes over sockets, which have no such limit', async () => {
    const server = await start('bun', { BUN_CONFIG_MAX_HTTP_REQUESTS: '1', SLUICE_MAX_STREAMS: '1000' })
    expect(linesOf(server)).toHaveLength(1)
  })
})

describe('F33: a mistake in the environment ends it with status 1', { concurrent: true }, () => {
  // A few rows are enough here. All runtimes share the parser, and
  // tests/config/parse-config.test.ts tests it with the whole table.
  test.each(badConfigurations.slice(-3))('$name', async ({ env, says }) => {
    const text = await refusalOf('node', env)
    expect(text).toContain('it ended with 1\n')
    for (const part of says) expect(text).toContain(part)
    expect(text).not.toContain(canary)
    expect(text).not.toMatch(/\.ts:\d|node:internal/)
  })
})

describe.each(runtimes)('%s: end', (runtime) => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'F29: after %s no work begins, the streams finish, and it exits with status 0',
    async (signal) => {
      const server = await start(runtime)
      const model = upstream.script(thenSilent(2))
      const readers = (['sse', 'ndjson'] as const).map((framing) => [framing, generate(server, framing, model)] as const)
      const exchanges = [(await upstream.next(model)).exchange, (await upstream.next(model)).exchange]
      for (const [, reader] of readers) await reader.until((text) => text.split('token').length === 3)

      server.signal(signal)
      const draining = { status: 503, text: '{"status":"not_ready","code":"shutting_down"}' }
      await expect.poll(() => readAll(read(server, { path: '/readyz' }))).toMatchObject(draining)
      expect(await readAll(read(server, { path: '/ping' }))).toMatchObject({ status: 200 })
      expect(await readAll(read(server, { path: '/healthz' }))).toMatchObject({ status: 200 })
      const late = [
        ...(['sse', 'ndjson', 'folded'] as const).map((framing) => generate(server, framing, model)),
        read(server, { path: '/chat', body: { text: 'Hi', model } }),
        read(server, { path: '/api/embed', body: { model, input: 'a' } }),
        read(server, { path: '/api/tags' }),
      ]
      for (const reader of late) {
        const failure = await readFailure(reader)
        expect(failure).toMatchObject({ status: 503, code: 'shutting_down', headers: { 'retry-after': '5' } })
      }
      expect(upstream.requestsFor(model)).toHaveLength(2)

      for (const exchange of exchanges) {
        exchange.chunk('{"response":" end","message":{"content":" end"},"done":false}\n{"done":true}\n')
        exchange.end()
      }
      for (const [framing, reader] of readers) {
        expect(await reader.ended).toBe('clean')
        expect(toTold(framing, reader.text)).toMatchObject({ text: ' token token end', failed: undefined })
      }
      expect(await server.exited).toBe(0)
    },
  )

  test('streams open at the end of the grace get shutting_down: an event or a line after commit, a status before it', async () => {
    const graceMs = 500
    const server = await start(runtime, { SLUICE_SHUTDOWN_GRACE_MS: String(graceMs) })
    const speaking = upstream.script(thenSilent(2))
    const quiet = upstream.script(silent())
    const committed = (['sse', 'ndjson'] as const).map((framing) => [framing, generate(server, framing, speaking)] as const)
    const plain = read(server, { path: '/chat', body: { text: 'Hi', model: speaking } })
    const waiting = [
      generate(server, 'ndjson', quiet),
      generate(server, 'folded', quiet),
      read(server, { path: '/api/embed', body: { model: quiet, input: 'a' } }),
    ]
    const folded = generate(server, 'folded', speaking)
    for (const _ of waiting) await upstream.next(quiet)
    for (const reader of [plain, ...committed.map(([, reader]) => reader)])
      await reader.until((text) => text.split('token').length === 3)

    const signalledAt = performance.now()
    server.signal('SIGTERM')
    for (const [framing, reader] of committed) {
      expect(await reader.ended, framing).toBe('clean')
      expect(toTold(framing, reader.text)).toMatchObject({ text: ' token token', failed: { code: 'shutting_down' } })
    }
    expect(await plain.ended).toBe('clean')
    expect(toSseEvents(plain.text).at(-1)).toMatchObject({ event: 'failed', data: expect.stringContaining('shutting_down') })
    for (const reader of [...waiting, folded]) {
      const failure = await readFailure(reader)
      expect(failure).toMatchObject({ status: 503, code: 'shutting_down', headers: { 'retry-after': '5' }, ended: 'clean' })
    }
    expect(await server.exited).toBe(0)
    const tookMs = performance.now() - signalledAt
    expect(tookMs).toBeGreaterThan(graceMs - 50)
    expect(tookMs).toBeLessThan(graceMs + 1500)
    await expect.poll(() => upstream.open).toBe(0)
    expect(logOf(server).filter(({ code }) => code === 'shutting_down')).toHaveLength(7)
  })

  test('a queued stream may still run within the grace; then all get shutting_down, and Ollama gets no request for the rest', async () => {
    const server = await start(runtime, {
      SLUICE_UPSTREAM_STREAMS: '1',
      SLUICE_SHUTDOWN_GRACE_MS: '1000',
      SLUICE_GRACE_MS: '0',
    })
    const model = upstream.script(thenSilent(1))
    const running = generate(server, 'sse', model)
    await running.until((text) => text.includes('token'))
    const waiting: Reader[] = []
    for (let i = 0; i < 3; i++) {
      const reader = generate(server, 'sse', model)
      // The reader has received only the opening, so its stream is waiting in the queue.
      await reader.until((text) => text === ':\n')
      waiting.push(reader)
    }
    server.signal('SIGTERM')
    await expect.poll(() => readAll(read(server, { path: '/readyz' }))).toMatchObject({ status: 503 })

    const { exchange } = await upstream.next(model)
    exchange.chunk('{"response":"","done":true}\n')
    exchange.end()
    expect(await running.ended).toBe('clean')
    expect(toTold('sse', running.text).failed).toBeUndefined()
    await waiting[0]!.until((text) => text.includes('token'))
    expect(await server.exited).toBe(0)
    for (const [i, reader] of waiting.entries()) {
      expect(await reader.ended).toBe('clean')
      expect(toTold('sse', reader.text)).toMatchObject({ text: i === 0 ? ' token' : '', failed: { code: 'shutting_down' } })
    }
    expect(upstream.requestsFor(model)).toHaveLength(2)
  })

  test('F29: a thousand streams end honestly, and /readyz is 503 meanwhile', { timeout: 60_000, retry: 1 }, async () => {
    const graceMs = 1500
    const server = await start(runtime, { SLUICE_SHUTDOWN_GRACE_MS: `${graceMs}` })
    const model = upstream.script(thenSilent(1))
    const readers = Array.from({ length: 1000 }, () => generate(server, 'sse', model))
    await Promise.all(readers.map((reader) => reader.until((text) => text.includes('token'), 30_000)))
    const signalledAt = performance.now()
    server.signal('SIGTERM')
    await expect.poll(() => readAll(read(server, { path: '/readyz' }))).toMatchObject({ status: 503 })
    expect(await readFailure(generate(server, 'sse', model))).toMatchObject({ status: 503, code: 'shutting_down' })

    expect(await server.exited).toBe(0)
    const tookMs = performance.now() - signalledAt
    expect(tookMs).toBeGreaterThan(graceMs - 50)
    expect(tookMs).toBeLessThan(graceMs + 1000)
    for (const reader of readers) {
      expect(await reader.ended).toBe('clean')
      expect(toTold('sse', reader.text)).toMatchObject({ text: ' token', failed: { code: 'shutting_down' } })
    }
    await expect.poll(() => upstream.open, { timeout: 10_000 }).toBe(0)
    // The log must have a line for each stream: no line may be lost when the process exits.
    expect(logOf(server).filter(({ tokens, code }) => tokens === 1 && code === 'shutting_down')).toHaveLength(1000)
    expect(server.errors()).toBe('')
  })

  test('F29: a second signal exits at once', async () => {
    const server = await start(runtime)
    const reader = generate(server, 'sse', upstream.script(thenSilent(1)))
    await reader.until((text) => text.includes('token'))
    server.signal('SIGTERM')
    await expect.poll(() => readAll(read(server, { path: '/readyz' }))).toMatchObject({ status: 503 })
    const secondAt = performance.now()
    server.signal('SIGINT')
    expect(await server.exited).toBe(1)
    expect(performance.now() - secondAt).toBeLessThan(1000)
    expect(await reader.ended).toBe('broken')
    expect(reader.text).not.toContain('event:')
  })

  test('with nothing to do it exits at once, idle connections or not', async () => {
    const server = await start(runtime)
    const [kept] = await Promise.all([fetch(`${server.url}/ping`), fetch(`${server.url}/ping`)])
    await kept.text()
    const signalledAt = performance.now()
    server.signal('SIGTERM')
    expect(await server.exited).toBe(0)
    expect(performance.now() - signalledAt).toBeLessThan(2000)
  })
})

describe.each(runtimes)('%s: access log', (runtime) => {
  test('one JSON line a request, at the end of its stream, without prompt, output and key', async () => {
    const server = await start(runtime, { OLLAMA_API_KEY: `sk-${canary}` })
    const secret = { headers: { authorization: `Bearer ${canary}`, cookie: canary, 'user-agent': canary } }
    const model = upstream.script(tokens({ count: 3, text: canary }))
    const told = await readAll(
      generate(
        server,
        'sse',
        { model, prompt: canary, system: canary },
        { headers: { 'x-request-id': 'whole', ...secret.headers } },
      ),
    )
    await expect.poll(() => lineOf(server, 'whole')).toBeDefined()
    expect(lineOf(server, 'whole')).toEqual({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      request_id: 'whole',
      method: 'POST',
      route: '/api/generate',
      status: 200,
      duration_ms: expect.any(Number),
      surface: 'native',
      model,
      ended: 'done',
      ttft_ms: expect.any(Number),
      tokens_in: 9,
      tokens: 3,
      bytes: Buffer.byteLength(told.text),
    })

    await readAll(read(server, { path: `/${canary}?${canary}`, headers: { 'x-request-id': 'nothing' } }))
    await readAll(read(server, { path: '/api/chat', body: `{"${canary}`, headers: { 'x-request-id': 'bad' } }))
    await readAll(read(server, { path: '/api/chat', body: { model: `../${canary}` }, headers: { 'x-request-id': 'model' } }))
    await expect.poll(() => lineOf(server, 'model')).toBeDefined()
    expect(lineOf(server, 'nothing')).toMatchObject({ method: 'GET', route: '-', status: 404, code: 'not_found' })
    expect(lineOf(server, 'bad')).toMatchObject({ method: 'POST', route: '/api/chat', status: 400, code: 'invalid_json' })
    expect(lineOf(server, 'model')).toMatchObject({ route: '/api/chat', status: 400, code: 'invalid_request' })
    expect(logOf(server)).toHaveLength(4)
    expect(server.output()).not.toContain(canary)
  })

  test('logs how a stream ended, and only after its end', async () => {
    const server = await start(runtime, { SLUICE_STALL_TIMEOUT_MS: '400' })
    const open = upstream.script(thenSilent(2))

    const leaving = generate(server, 'sse', open, withId('left'))
    await leaving.until((text) => text.split('token').length === 3)
    expect(lineOf(server, 'left')).toBeUndefined()
    leaving.leave()
    await expect
      .poll(() => lineOf(server, 'left'))
      .toMatchObject({ status: 200, ended: 'left', tokens: 2, ttft_ms: expect.any(Number) })
    expect(lineOf(server, 'left')).not.toHaveProperty('code')

    const unheard = generate(server, 'sse', upstream.script(silent(), 'unheard'), withId('unheard'))
    await upstream.next('unheard')
    unheard.leave()
    await expect.poll(() => lineOf(server, 'unheard')).toMatchObject({ ended: 'left', model: 'unheard' })
    expect(lineOf(server, 'unheard')).not.toHaveProperty('ttft_ms')

    const dying = upstream.script(lines(['{"response":"a","done":false}', '{"error":"died"}']))
    await readAll(generate(server, 'ndjson', dying, withId('failed', 'application/x-ndjson')))
    await expect
      .poll(() => lineOf(server, 'failed'))
      .toMatchObject({ status: 200, ended: 'failed', code: 'upstream_failed', tokens: 1 })

    await readAll(generate(server, 'folded', 'nobody', withId('refused')))
    await expect.poll(() => lineOf(server, 'refused')).toMatchObject({ status: 404, ended: 'failed', code: 'model_not_found' })

    const stalled = generate(server, 'sse', upstream.script(flatOut({ linesPerChunk: 500 })), withId('stalled'))
    await stalled.until((text) => text.includes('token'))
    stalled.pause()
    await expect.poll(() => lineOf(server, 'stalled'), { timeout: 15_000 }).toMatchObject({ status: 200, ended: 'stalled' })
    stalled.leave()

    await readAll(read(server, { path: '/chat', body: { text: 'Hi' }, ...withId('default') }))
    await expect.poll(() => lineOf(server, 'default')).toMatchObject({ route: '/chat', model: 'gemma3:270m', ended: 'done' })

    await readAll(read(server, { path: '/api/tags', method: 'HEAD', ...withId('head') }))
    await expect.poll(() => lineOf(server, 'head')).toMatchObject({ method: 'HEAD', route: '/api/tags', status: 200 })

    await readAll(read(server, { path: '/api/tags', method: 'PUT', ...withId('method') }))
    await expect.poll(() => lineOf(server, 'method')).toMatchObject({ method: 'PUT', status: 405, code: 'method_not_allowed' })

    expect(logOf(server)).toHaveLength(8)
  })

  test('names the cause of a connection failure, which the reader does not get', async () => {
    const server = await start(runtime, { OLLAMA_HOST: await refusedUrl() })
    const { text } = await readAll(generate(server, 'sse', 'm', withId('unreachable')))
    expect(text).not.toMatch(/refused/i)
    await expect
      .poll(() => lineOf(server, 'unreachable'))
      .toMatchObject({
        status: 502,
        code: 'upstream_unreachable',
        cause: 'ECONNREFUSED',
      })
  })

  test('names the places in the source of any other failure; on Bun and Deno, their lines in the built file', async () => {
    const server = await start(runtime)
    await readAll(generate(server, 'ndjson', upstream.script(lines(['{"response": wmur}'])), withId('broken')))
    const place = runtime === 'node' ? 'src/upstreams/ollama-decoder\\.ts' : `dist/${runtime}\\.js`
    await expect
      .poll(() => lineOf(server, 'broken'))
      .toMatchObject({ cause: expect.stringMatching(new RegExp(`^SyntaxError at \\S+/${place}:\\d+:\\d+ at `)) })
  })

  test('is a short line for people with SLUICE_LOG=pretty', async () => {
    const server = await start(runtime, { SLUICE_LOG: 'pretty' })
    await readAll(generate(server, 'sse', 'smollm2:135m'))
    await readAll(read(server, { path: '/nothing' }))
    await expect.poll(() => linesOf(server).length).toBe(3)
    const [, whole, nothing] = linesOf(server)
    expect(whole).toMatch(/^\d\d:\d\d:\d\d 200 POST \/api\/generate done smollm2:135m first token \d+ ms \d+ tokens \d+ ms$/)
    expect(nothing).toMatch(/^\d\d:\d\d:\d\d 404 GET {2}- not_found \d+ ms$/)
  })

  test('is empty with SLUICE_LOG=silent', async () => {
    const server = await start(runtime, { SLUICE_LOG: 'silent' })
    await readAll(generate(server, 'sse', 'smollm2:135m'))
    await readFailure(generate(server, 'sse', 'nobody'))
    server.signal('SIGTERM')
    await server.exited
    expect(linesOf(server)).toHaveLength(1)
  })
})
