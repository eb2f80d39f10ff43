import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { writeWorkerdConfig, type WorkerdOptions } from '../../build/write-workerd-config.ts'

export type RuntimeName = 'node' | 'bun' | 'deno' | 'worker'

/**
 * Which entry file a server runs. A name without `portable` selects the file that users run: on
 * workerd the entry file in src/runtimes, and elsewhere the built one. A name with `portable`
 * selects the entry file in tests/fixtures/portable, which uses the portable parts of an app.
 */
export type ServerName = RuntimeName | PairName | `portable ${RuntimeName}`

/** Two servers that share a Redis, with a proxy in front of them (tests/redis/pair.ts). */
export type PairName = `pair of ${'node' | 'bun'}`

export const isPair = (name: ServerName): name is PairName => name.startsWith('pair of ')

type StartPair = (name: PairName, env: Readonly<Record<string, string>>) => Promise<Server>
let startPair: StartPair | undefined

/** A test file that has pairs says how they are started. */
export function registerPairs(start: StartPair) {
  startPair = start
}

/** Returns `test`, for a test of what each process does alone. A pair does not run it. */
export function testOfOneProcess(name: ServerName) {
  return isPair(name) ? test.skip : test
}

/** The runtime that a server runs on. */
export function toRuntime(name: ServerName): RuntimeName {
  return name.replace(/^portable |^pair of /, '') as RuntimeName
}

function toEntry(name: ServerName): URL {
  const runtime = toRuntime(name)
  if (name.startsWith('portable ')) return new URL(`../fixtures/portable/${runtime}.ts`, import.meta.url)
  return new URL(runtime === 'worker' ? '../../src/runtimes/worker.ts' : `../../dist/${runtime}.js`, import.meta.url)
}

/** Sluice in a separate process, on a real runtime and a real socket. */
export interface Server {
  readonly runtime: RuntimeName
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  readonly port: number
  readonly pid: number
  /** All output of the server, stdout and stderr together. */
  output(): string
  /** The server's output on stderr alone. */
  errors(): string
  /**
   * The reading end of the server's standard output. A test can pause it, so that nobody reads the
   * output, or destroy it, which closes the pipe.
   */
  readonly stdout: Readable
  /** Resolves with the exit status, which is null if a signal ended the process. */
  readonly exited: Promise<number | null>
  signal(name: NodeJS.Signals): void
  /**
   * Resolves with the size of the server's used heap after a full garbage collection, in bytes. The
   * result is NaN on Deno and workerd, and for a server that was started without `tellsHeap`.
   */
  usedHeap(): Promise<number>
  /** Kills the process with SIGKILL. */
  stop(): Promise<void>
}

const root = fileURLToPath(new URL('../../', import.meta.url))
const bin = (name: string) => `${root}node_modules/.bin/${name}`
const startLimitMs = 20_000
const heapProbe = new URL('../lab/heap-probe.ts', import.meta.url)

interface StartOptions {
  /** Whether the server can report its heap size. Only Node and Bun can. */
  readonly tellsHeap?: boolean
  /**
   * Where the Durable Objects of a Worker keep their data. By default, in memory. `none`: the Worker
   * has no Durable Objects.
   */
  readonly objects?: NonNullable<WorkerdOptions['objects']> | 'none'
  /** The address of a server that is the KV namespace of a Worker. */
  readonly kv?: string
}

/**
 * Starts a server on a free port. `env` contains its variables (docs/protocol.md#8-configuration).
 * The server does not inherit the environment of the tests.
 * @throws Error with the output of the process, if the process ends or does not listen in time
 */
export async function startServer(
  name: ServerName,
  env: Readonly<Record<string, string>> = {},
  options: StartOptions = {},
): Promise<Server> {
  const { tellsHeap = false } = options
  const runtime = toRuntime(name)
  if (isPair(name)) return startPair!(name, env)
  const { child, port: listening, cleanUp } = await spawnRuntime(name, env, options)
  let said = ''
  let errors = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data: Buffer) => (said += data.toString()))
  child.stderr?.on('data', (data: Buffer) => (errors += data.toString()))
  const exited = once(child, 'exit').then(([status]) => {
    cleanUp()
    return status as number | null
  })
  const closed = once(child, 'close')
  const kill = () => {
    try {
      process.kill(child.pid!, 'SIGKILL')
    } catch {
      // The process has already ended.
    }
  }
  process.once('exit', kill)
  void exited.then(() => process.off('exit', kill))

  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('it does not listen in time')), startLimitMs)
  })
  try {
    const port = await Promise.race([
      listening(child, () => said),
      late,
      exited.then((status) => Promise.reject(new Error(`it ended with ${status}`))),
    ])
    const url = `http://127.0.0.1:${port}`
    return {
      runtime,
      url,
      port,
      pid: child.pid!,
      output: () => said,
      errors: () => errors,
      stdout: child.stdout!,
      exited,
      signal: (name) => void child.kill(name),
      async usedHeap() {
        if (!tellsHeap || (runtime !== 'node' && runtime !== 'bun')) return NaN
        const told = once(child.stdio[3] as Readable, 'data')
        process.kill(child.pid!, 'SIGUSR2')
        const [bytes] = (await told) as [Buffer]
        return Number(bytes.toString())
      },
      async stop() {
        kill()
        await exited
      },
    }
  } catch (error) {
    kill()
    // The last output of a process may arrive after its exit.
    await closed
    throw new Error(`Cannot start ${name}: ${(error as Error).message}\n${said}`, { cause: error })
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Starts a server that must refuse to start. Returns its exit status and its output.
 * @throws Error if the server starts
 */
export async function refusalOf(runtime: RuntimeName, env: Readonly<Record<string, string>>): Promise<string> {
  let server: Server
  try {
    server = await startServer(runtime, env)
  } catch (error) {
    return (error as Error).message
  }
  await server.stop()
  throw new Error('Cannot be refused: it started')
}

/** A scripted Ollama, and Sluice in front of it. */
export interface Stage {
  readonly upstream: Upstream
  readonly server: Server
}

/**
 * Starts the scripted Ollama and Sluice before the tests of a `describe`, and stops them
 * afterwards. The fields of the stage are set only when the first test runs.
 */
export function useStage(name: ServerName, env: Readonly<Record<string, string>> = {}, options: StartOptions = {}): Stage {
  const stage: { upstream?: Upstream; server?: Server } = {}
  beforeAll(async () => {
    stage.upstream = await startUpstream()
    stage.server = await startServer(name, { OLLAMA_HOST: stage.upstream.url, SLUICE_LOG: 'silent', ...env }, options)
    // Except on Workers, Sluice sends one request to Ollama as soon as it listens. Tests count
    // requests, so this request must be over before they begin.
    const count = isPair(name) ? 2 : 1
    if (toRuntime(name) !== 'worker') await vi.waitUntil(() => stage.upstream!.requests.length === count)
  })
  afterAll(async () => {
    await stage.server?.stop()
    expect(stage.upstream?.strangers, 'what the upstream was asked beside its routes').toEqual([])
    await stage.upstream?.close()
  })
  return stage as Stage
}

/** Runs `step` and returns the number of requests that reached the upstream meanwhile. */
export async function countRequests({ upstream }: Stage, step: () => Promise<unknown>): Promise<number> {
  const before = upstream.requests.length
  await step()
  return upstream.requests.length - before
}

/** Returns the command of `npm start`, `npm run start:bun` or `npm run start:deno`. */
function toCommand(runtime: Exclude<RuntimeName, 'worker'>, env: Readonly<Record<string, string>>): [string, ...string[]] {
  if (runtime === 'node') return [process.execPath, '--max-semi-space-size=8', '--enable-source-maps']
  if (runtime === 'bun') return [bin('bun'), `--env-file=${root}dist/bun.env`]
  const hosts = [env.OLLAMA_HOST, env.SLUICE_REDIS_URL].map((url = '') => URL.parse(url)?.hostname)
  const net = ['127.0.0.1', 'localhost', '[::1]', env.HOST, ...hosts].filter(Boolean)
  return [
    bin('deno'),
    'run',
    '--no-prompt',
    `--allow-net=${net.join(',')}`,
    '--allow-env=HOST,PORT,OLLAMA_*,OTEL_*,SLUICE_*',
    // Kubernetes changes the folder behind the path, so Deno needs the folder.
    ...(env.SLUICE_API_KEYS_FILE ? [`--allow-read=${dirname(env.SLUICE_API_KEYS_FILE)}`] : []),
  ]
}

interface Spawned {
  child: ChildProcess
  port(child: ChildProcess, said: () => string): Promise<number>
  cleanUp(): void
}

async function spawnRuntime(
  name: ServerName,
  env: Readonly<Record<string, string>>,
  { tellsHeap = false, objects = 'memory', kv }: StartOptions,
): Promise<Spawned> {
  const runtime = toRuntime(name)
  const entry = toEntry(name)
  const base = { PATH: process.env.PATH, HOME: process.env.HOME, TZ: 'UTC' }
  if (runtime === 'worker') {
    const hasObjects = name === 'worker' && objects !== 'none'
    const { folder, config } = await writeWorkerdConfig(
      entry,
      { ...env },
      { ...(hasObjects && { objects }), ...(kv && { kv }) },
    )
    const child = spawn(bin('workerd'), ['serve', config, '--control-fd=3'], {
      env: base,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    })
    return { child, port: portOfWorkerd, cleanUp: () => rmSync(folder, { recursive: true, force: true }) }
  }
  const [file, ...args] = toCommand(runtime, env)
  const probe = runtime === 'node' ? ['--expose-gc', `--import=${heapProbe.href}`] : ['--preload', fileURLToPath(heapProbe)]
  const child = spawn(file, [...args, ...(tellsHeap ? probe : []), fileURLToPath(entry)], {
    env: { ...base, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe', ...(tellsHeap ? (['pipe'] as const) : [])],
  })
  return { child, port: portOfStartLine, cleanUp: () => {} }
}

/**
 * Waits until workerd reports its port. For each socket that listens, workerd writes a line of JSON
 * to its control descriptor.
 */
async function portOfWorkerd({ stdio }: ChildProcess): Promise<number> {
  for await (const data of stdio[3] as Readable) {
    const port = /"port":(\d+)/.exec(String(data))?.[1]
    if (port) return Number(port)
  }
  throw new Error('its control descriptor closed')
}

async function portOfStartLine({ stdout }: ChildProcess, said: () => string): Promise<number> {
  for (;;) {
    const port = /listens on http:\/\/\S+?:(\d+)\b/.exec(said())?.[1]
    if (port) return Number(port)
    await once(stdout!, 'data')
  }
}
