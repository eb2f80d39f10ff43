import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { thenSilent } from '#fake-ollama/scripts.ts'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { generate, read, readAll, readFailure, toTold, type Reader } from './reader.ts'
import { startServer, type RuntimeName, type Server } from './server.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

let upstream: Upstream
const servers: Server[] = []

beforeAll(async () => {
  upstream = await startUpstream()
})

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()))
})

afterAll(() => upstream.close())

/** Two workers, each with room for one stream. */
async function start(runtime: RuntimeName, env: Record<string, string> = {}): Promise<Server> {
  const small = { SLUICE_WORKERS: '2', SLUICE_MAX_STREAMS: '1', SLUICE_LOG: 'silent' }
  const server = await startServer(runtime, { OLLAMA_HOST: upstream.url, ...small, ...env })
  servers.push(server)
  return server
}

/** Why a server does not start: its exit status and what it printed. */
async function refusalOf(runtime: RuntimeName, env: Record<string, string>): Promise<string> {
  try {
    await start(runtime, env)
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('Cannot be refused: it started')
}

/** Every process that runs, without those that have ended and that nobody has asked about yet. */
function processes(): { pid: number; parent: number }[] {
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat='], { encoding: 'utf8' })
  return table
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/ +/))
    .filter(([, , state]) => !state!.startsWith('Z'))
    .map(([pid, parent]) => ({ pid: Number(pid), parent: Number(parent) }))
}

const workersOf = (server: Server) =>
  processes()
    .filter(({ parent }) => parent === server.pid)
    .map(({ pid }) => pid)

const runningOf = (pids: readonly number[]) => processes().filter(({ pid }) => pids.includes(pid))

/** Opens a stream on whichever worker has room: the runtime spreads connections, and a refused one tries again. */
async function open(server: Server, model: string, requestId = 'any'): Promise<Reader> {
  const deadline = performance.now() + 10_000
  for (;;) {
    const reader = generate(server, 'sse', model, { headers: { 'x-request-id': requestId } })
    const { status } = await reader.head.catch(() => ({ status: 0 }))
    if (status === 200) {
      await reader.until((text) => text.includes('token'))
      return reader
    }
    if (performance.now() > deadline) throw new Error('Cannot open a stream: no worker has room')
    reader.leave()
  }
}

const openTwo = async (server: Server, model: string) => [await open(server, model), await open(server, model)] as const

/** The upstream says the end of every stream of this model. */
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

async function expectShuttingDown(reader: Reader) {
  expect(await reader.ended).toBe('clean')
  expect(toTold('sse', reader.text)).toMatchObject({ text: ' token', failed: { code: 'shutting_down' } })
}

describe.each(['node', 'bun'] as const)('%s: workers', (runtime) => {
  test('share one port that was free, say so once, and have limits of their own', async () => {
    const asked = upstream.requests.length
    const server = await start(runtime)
    expect(workersOf(server)).toHaveLength(2)
    await expect.poll(() => upstream.requests.length).toBe(asked + 1) // one process looks for Ollama
    expect(server.output()).toBe(`Sluice listens on http://127.0.0.1:${server.port} in front of Ollama at ${upstream.url}\n`)

    const model = upstream.script(thenSilent(1))
    const readers = await openTwo(server, model)
    for (let i = 0; i < 10; i++)
      expect(await readFailure(generate(server, 'sse', model))).toMatchObject({ status: 503, code: 'too_many_streams' })
    finish(model)
    for (const reader of readers) await expectWhole(reader)
  })

  test('are one a core with auto, and none with 1', async () => {
    const cores = availableParallelism()
    expect(workersOf(await start(runtime, { SLUICE_WORKERS: 'auto' }))).toHaveLength(cores === 1 ? 0 : cores)
    expect(workersOf(await start(runtime, { SLUICE_WORKERS: '1' }))).toEqual([])
  })

  test('are replaced when they crash, and the streams of the others go on', async () => {
    const server = await start(runtime)
    const model = upstream.script(thenSilent(1))
    const readers = await openTwo(server, model)
    const [killed, other] = workersOf(server)
    process.kill(killed!, 'SIGKILL')
    const broken = await Promise.race(readers.map(async (reader) => ((await reader.ended) === 'broken' ? reader : undefined)))
    const whole = readers.find((reader) => reader !== broken)!
    const further = await open(server, model)
    expect(server.output()).toContain(`Worker ${killed} ended with SIGKILL; another one takes its place\n`)
    expect(workersOf(server)).toHaveLength(2)
    expect(workersOf(server)).toContain(other)
    expect(workersOf(server)).not.toContain(killed)
    expect(whole.isEnded).toBe(false)
    finish(model)
    for (const reader of [whole, further]) await expectWhole(reader)
    expect(server.output().match(/listens/g)).toHaveLength(1)
  })

  test('are asked by one another: a cancel stops the streams of a request id wherever they run', async () => {
    const server = await start(runtime)
    const model = upstream.script(thenSilent(1))
    const readers = [await open(server, model, 'mine'), await open(server, model, 'mine')]
    const stop = () => readAll(read(server, { path: '/ollama/cancel/mine', method: 'POST' }))
    expect(await stop()).toMatchObject({ status: 204 })
    for (const reader of readers) {
      expect(await reader.ended).toBe('clean')
      expect(toTold('sse', reader.text)).toMatchObject({ text: ' token', failed: { code: 'cancelled' } })
    }
    await expect.poll(() => upstream.open).toBe(0)
    expect(await stop()).toMatchObject({ status: 404 })
  })

  test('finish their streams after SIGTERM, as one', async () => {
    const server = await start(runtime)
    const model = upstream.script(thenSilent(1))
    const readers = await openTwo(server, model)
    const pids = workersOf(server)
    server.signal('SIGTERM')
    const refusal = () => readFailure(generate(server, 'sse', model)) // too_many_streams until both have heard of it
    await expect.poll(refusal).toMatchObject({ status: 503, code: 'shutting_down', headers: { 'retry-after': '5' } })
    finish(model)
    for (const reader of readers) await expectWhole(reader)
    expect(await server.exited).toBe(0)
    expect(runningOf(pids)).toEqual([])
  })

  test.each([
    ['SIGTERM to the primary', 'SIGTERM', 1],
    // What Ctrl-C and a service manager do.
    ['SIGINT to all of them', 'SIGINT', -1],
    ['SIGTERM to all of them', 'SIGTERM', -1],
  ] as const)('end their streams with shutting_down after %s, and leave no process', async (_name, signal, target) => {
    const graceMs = 500
    const server = await start(runtime, { SLUICE_SHUTDOWN_GRACE_MS: String(graceMs) })
    const readers = await openTwo(server, upstream.script(thenSilent(1)))
    const pids = workersOf(server)
    const signalledAt = performance.now()
    process.kill(target * server.pid, signal)
    for (const reader of readers) await expectShuttingDown(reader)
    expect(performance.now() - signalledAt).toBeGreaterThan(graceMs - 50)
    expect(await server.exited).toBe(0)
    expect(runningOf(pids)).toEqual([])
    expect(server.output()).not.toContain('Worker')
    await expect.poll(() => upstream.open).toBe(0)
  })

  test('are not replaced and not waited for when they die while they drain', async () => {
    const server = await start(runtime)
    await openTwo(server, upstream.script(thenSilent(1)))
    server.signal('SIGTERM')
    await expect.poll(() => readAll(read(server, { path: '/readyz' }))).toMatchObject({ status: 503 })
    for (const pid of workersOf(server)) process.kill(pid, 'SIGKILL')
    expect(await server.exited).toBe(0)
    expect(server.output()).not.toContain('Worker')
  })

  test('end at once with the primary at a second signal', async () => {
    const server = await start(runtime)
    const readers = await openTwo(server, upstream.script(thenSilent(1)))
    const pids = workersOf(server)
    server.signal('SIGTERM')
    await expect.poll(() => readAll(read(server, { path: '/readyz' }))).toMatchObject({ status: 503 })
    server.signal('SIGINT')
    expect(await server.exited).toBe(1)
    for (const reader of readers) {
      expect(await reader.ended).toBe('broken')
      expect(reader.text).not.toContain('event:')
    }
    await expect.poll(() => runningOf(pids)).toEqual([])
  })

  test('drain and end when the primary is killed', async () => {
    const server = await start(runtime, { SLUICE_SHUTDOWN_GRACE_MS: '500' })
    const readers = await openTwo(server, upstream.script(thenSilent(1)))
    const pids = workersOf(server)
    server.signal('SIGKILL')
    expect(await server.exited).toBeNull()
    for (const reader of readers) await expectShuttingDown(reader)
    await expect.poll(() => runningOf(pids)).toEqual([])
  })

  test.each(['1', '2'])('do not share the port of another Sluice with %s of them', async (count) => {
    const first = await start(runtime, { SLUICE_WORKERS: count })
    for (const SLUICE_WORKERS of ['1', '2']) {
      const text = await refusalOf(runtime, { PORT: String(first.port), SLUICE_WORKERS })
      expect(text).toContain('it ended with 1\n')
      expect(text.match(/Cannot listen: port \d+ of 127\.0\.0\.1 is in use; set another one with PORT/g)).toHaveLength(1)
      expect(text).not.toMatch(/\.ts:\d|^ +at |EADDRINUSE|Worker/m)
    }
  })

  test('do not share the port of another program', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const text = await refusalOf(runtime, { PORT: String((other.address() as AddressInfo).port) })
    other.close()
    expect(text).toContain('it ended with 1\n')
    expect(text.match(/Cannot listen/g)).toHaveLength(1)
  })

  test('that cannot be forked end the start with status 1 (hazard 65)', async () => {
    // Enough descriptors for one process, and not for the channels to so many others.
    const command = `ulimit -n 32; exec ${runtime === 'node' ? process.execPath : 'node_modules/.bin/bun'} src/runtimes/${runtime}.ts`
    const env = { SLUICE_WORKERS: '32', SLUICE_MAX_STREAMS: '1', SLUICE_DEMO: '1', PORT: '0' }
    const child = spawn('sh', ['-c', command], { cwd: root, env, stdio: ['ignore', 'ignore', 'pipe'], detached: true })
    let said = ''
    child.stderr.on('data', (data: Buffer) => (said += data.toString()))
    expect(await once(child, 'close')).toEqual([1, null])
    expect(said).toMatch(/^Cannot start a worker: .*EMFILE.*; it never listened\n$/)
  })

  describe('that end before they listen', () => {
    let folder: string
    let broken: string
    let preload: Record<string, string>

    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'sluice-workers-'))
      broken = join(folder, 'broken')
      const file = join(folder, 'preload.mjs')
      writeFileSync(
        file,
        `import cluster from 'node:cluster'\nimport { existsSync } from 'node:fs'\n` +
          `if (cluster.isWorker && existsSync(${JSON.stringify(broken)})) process.exit(7)\n`,
      )
      preload =
        runtime === 'node' ? { NODE_OPTIONS: `--import=${pathToFileURL(file).href}` } : { BUN_OPTIONS: `--preload=${file}` }
    })

    afterEach(() => rmSync(broken, { force: true }))

    afterAll(() => rmSync(folder, { recursive: true }))

    test('end the start with status 1', async () => {
      writeFileSync(broken, '')
      const text = await refusalOf(runtime, preload)
      expect(text).toContain('it ended with 1\n')
      expect(text).toMatch(/Worker \d+ ended with 7; it never listened\n/)
      expect(text).not.toContain('another one')
    })

    test('end a server that was well, after its streams', async () => {
      const server = await start(runtime, { ...preload, SLUICE_SHUTDOWN_GRACE_MS: '500' })
      const readers = await openTwo(server, upstream.script(thenSilent(1)))
      const pids = workersOf(server)
      writeFileSync(broken, '')
      process.kill(pids[0]!, 'SIGKILL')
      expect(await server.exited).toBe(1)
      expect(server.output()).toMatch(/SIGKILL; another one takes its place\nWorker \d+ ended with 7; it never listened\n$/)
      const ends = await Promise.all(readers.map(({ ended }) => ended))
      expect(ends.toSorted()).toEqual(['broken', 'clean'])
      await expectShuttingDown(readers[ends.indexOf('clean')]!)
      expect(runningOf(pids)).toEqual([])
    })
  })
})
