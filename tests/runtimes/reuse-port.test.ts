import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { thenSilent } from '#fake-ollama/scripts.ts'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { holdSharedPort } from '../lab/shared-port.ts'
import { generate, read, readAll, toTold, type Reader } from './reader.ts'
import { refusalOf, startServer, type RuntimeName, type Server } from './server.ts'

let upstream: Upstream
const servers: Server[] = []

beforeAll(async () => {
  upstream = await startUpstream()
})

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()))
})

afterAll(() => upstream.close())

async function start(runtime: RuntimeName, env: Record<string, string>): Promise<Server> {
  const server = await startServer(runtime, { OLLAMA_HOST: upstream.url, ...env })
  servers.push(server)
  return server
}

const sharing = (port: number, env: Record<string, string> = {}) => ({
  PORT: String(port),
  SLUICE_REUSE_PORT: '1',
  SLUICE_LOG: 'json',
  ...env,
})

/** Starts two processes on one port. */
async function startTwo(runtime: RuntimeName, env?: Record<string, string>): Promise<readonly [Server, Server]> {
  const { port, release } = await holdSharedPort()
  const pair = await Promise.all([start(runtime, sharing(port, env)), start(runtime, sharing(port, env))])
  await release()
  return pair
}

/** Counts the sockets that listen on a port of 127.0.0.1. */
function listenersOn(port: number): number {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`
  // The fields of each line are slot, local address, remote address and state (proc(5)). The state
  // 0A means that the socket listens.
  const sockets = readFileSync('/proc/net/tcp', 'latin1').split('\n')
  return sockets.map((line) => line.trim().split(/\s+/)).filter((fields) => fields[1] === local && fields[3] === '0A').length
}

/** Sends `count` requests, each on its own connection, and returns the statuses of the answers. */
async function ask(server: Server, path: string, count: number): Promise<number[]> {
  const statuses: number[] = []
  for (let i = 0; i < count; i++) statuses.push((await readAll(read(server, { path }))).status)
  return statuses
}

const linesOf = (server: Server, route: string) => server.output().split(`"route":"${route}"`).length - 1

/**
 * Opens a stream in a process that is not full. The kernel may choose a full process, which
 * refuses the request. The request is then sent again.
 */
async function open(server: Server, model: string): Promise<Reader> {
  for (let i = 0; i < 100; i++) {
    const reader = generate(server, 'sse', model)
    const { status } = await reader.head
    if (status === 200) {
      await reader.until((text) => text.includes('token'))
      return reader
    }
    expect(status).toBe(503)
  }
  throw new Error('Cannot open a stream: no process has room')
}

/** Makes the upstream finish every stream of this model. */
function finish(model: string) {
  for (const { exchange } of upstream.requestsFor(model)) {
    exchange.chunk('{"response":" end","done":false}\n{"response":"","done":true}\n')
    exchange.end()
  }
}

async function expectWhole(reader: Reader) {
  expect(await reader.ended).toBe('clean')
  expect(toTold('sse', reader.text)).toMatchObject({ text: ' token end', failed: undefined })
}

describe.each(['node', 'bun', 'deno'] as const)('%s: SLUICE_REUSE_PORT=1', (runtime) => {
  test('two processes listen on one port, and requests reach both', async () => {
    const pair = await startTwo(runtime)
    const count = 64
    expect(await ask(pair[0], '/api/tags', count)).toEqual(Array.from({ length: count }, () => 200))
    const shares = () => pair.map((server) => linesOf(server, '/api/tags'))
    await expect.poll(() => shares().reduce((sum, share) => sum + share)).toBe(count)
    for (const share of shares()) expect(share).toBeGreaterThan(0)
  })

  test('each process drains on its own SIGTERM, while the other answers all requests, and a new one may join', async () => {
    const [first, second] = await startTwo(runtime, { SLUICE_MAX_STREAMS: '1' })
    const model = upstream.script(thenSilent(1))
    const readers = [await open(first, model), await open(first, model)]

    first.signal('SIGTERM')
    await expect.poll(() => listenersOn(first.port)).toBe(1)
    expect(await ask(second, '/readyz', 20)).toEqual(Array.from({ length: 20 }, () => 200))
    for (const reader of readers) expect(reader.isEnded).toBe(false)
    finish(model)
    for (const reader of readers) await expectWhole(reader)
    expect(await first.exited).toBe(0)

    const third = await start(runtime, sharing(second.port))
    second.signal('SIGTERM')
    expect(await second.exited).toBe(0)
    expect(await ask(third, '/readyz', 20)).toEqual(Array.from({ length: 20 }, () => 200))
  })

  test('streams open at the end of the grace get shutting_down', async () => {
    const [first, second] = await startTwo(runtime, { SLUICE_MAX_STREAMS: '1', SLUICE_SHUTDOWN_GRACE_MS: '100' })
    const model = upstream.script(thenSilent(1))
    const readers = [await open(first, model), await open(first, model)]
    first.signal('SIGTERM')
    expect(await first.exited).toBe(0)
    const told = await Promise.race(readers.map(async (reader) => ((await reader.ended) === 'clean' ? reader : undefined)))
    expect(toTold('sse', told!.text)).toMatchObject({ text: ' token', failed: { code: 'shutting_down' } })
    const other = readers.find((reader) => reader !== told)!
    expect(other.isEnded).toBe(false)
    finish(model)
    await expectWhole(other)
    expect(await ask(second, '/readyz', 1)).toEqual([200])
  })

  test('a cancel stops a stream of the process that it reaches, and is 404 in the other one', async () => {
    const pair = await startTwo(runtime)
    const reader = generate(pair[0], 'sse', upstream.script(thenSilent(1)), { headers: { 'x-request-id': 'mine' } })
    await reader.until((text) => text.includes('token'))
    const statuses: number[] = []
    for (let i = 0; i < 100 && !reader.isEnded; i++)
      statuses.push((await readAll(read(pair[0], { path: '/ollama/cancel/mine', method: 'POST' }))).status)
    expect(await reader.ended).toBe('clean')
    expect(toTold('sse', reader.text)).toMatchObject({ text: ' token', failed: { code: 'cancelled' } })
    expect(statuses.filter((status) => status !== 404)).toEqual([204])
  })

  test('all processes of a port must set it', async () => {
    const [shared] = await startTwo(runtime)
    const plain = await refusalOf(runtime, { PORT: String(shared.port) })
    expect(plain).toContain(
      `Cannot listen: port ${shared.port} of 127.0.0.1 is in use; set another one with PORT, or 0 for any free port\n`,
    )

    const alone = await start(runtime, { PORT: '0' })
    const sharingOne = await refusalOf(runtime, sharing(alone.port))
    expect(sharingOne).toContain(
      `Cannot listen: port ${alone.port} of 127.0.0.1 is in use by a process that does not share it; ` +
        'all of them must have SLUICE_REUSE_PORT=1 and run as the same user\n',
    )
    for (const text of [plain, sharingOne]) {
      expect(text).toContain('it ended with 1\n')
      expect(text).not.toMatch(/\.ts:\d|^ +at |EADDRINUSE/m)
    }
  })

  test('it is refused without a fixed PORT', async () => {
    const text = await refusalOf(runtime, sharing(0))
    expect(text).toContain('it ended with 1\n')
    expect(text).toContain('mistakes\nSLUICE_REUSE_PORT: needs a PORT, because PORT=0 gives each process a port of its own\n')
  })

  // Deno has no variable for a module to load first. The check is the same code.
  test.skipIf(runtime === 'deno')('it is refused where processes cannot share a port', async () => {
    const preload = fileURLToPath(new URL('../fixtures/on-darwin.mjs', import.meta.url))
    const onDarwin = runtime === 'node' ? { NODE_OPTIONS: `--import=${preload}` } : { BUN_OPTIONS: `--preload=${preload}` }
    const text = await refusalOf(runtime, { ...onDarwin, ...sharing(8083) })
    expect(text).toContain('it ended with 1\n')
    expect(text).toContain('mistakes\nSLUICE_REUSE_PORT: must be 0 here, because processes share a port only on Linux\n')
  })
})
