import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { nowMs } from '../clock.ts'
import { toOllaTarget, toTarget } from '../reader/target.ts'
import { readFirstStream } from './first-stream.ts'
import { writeOllaConfig } from './olla.ts'
import type { Row } from './rows.ts'
import type { RunningRow } from './running-row.ts'
import { writeWorkerdConfig } from '../../build/write-workerd-config.ts'

/** How a measure starts its servers. */
export interface StartOptions {
  /** The settings that differ from the defaults. */
  readonly environment?: Readonly<Record<string, string>>
  /** Additional flags for Node. The other runtimes do not get them. */
  readonly nodeFlags?: readonly string[]
  /** Whether the server must report its heap (Node and Bun). */
  readonly tellsHeap?: boolean
}

const START_LIMIT_MS = 15_000
const bin = (name: string): string => fileURLToPath(new URL(`../../node_modules/.bin/${name}`, import.meta.url))
const probe = new URL('../../tests/lab/heap-probe.ts', import.meta.url)

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

interface Command {
  readonly file: string
  readonly args: string[]
  /** The temporary folder of the server's files. */
  readonly folder?: string
  /** The folder in which the server is started, if it writes files there. */
  readonly cwd?: string
}

async function toCommand(
  { runtime, entry, flags = [] }: Row,
  environment: Record<string, string>,
  { nodeFlags = [], tellsHeap }: StartOptions,
): Promise<Command> {
  const path = fileURLToPath(entry)
  if (runtime === 'node') {
    const probeArgs = tellsHeap ? ['--expose-gc', '--import', probe.href] : []
    return { file: process.execPath, args: [...flags, ...nodeFlags, ...probeArgs, path] }
  }
  if (runtime === 'bun') return { file: bin('bun'), args: tellsHeap ? ['--preload', fileURLToPath(probe), path] : [path] }
  if (runtime === 'deno') return { file: bin('deno'), args: ['run', ...flags, path] }
  const { PORT, ...bindings } = environment
  if (runtime === 'go') {
    const { folder, config } = await writeOllaConfig(Number(PORT), String(environment.OLLAMA_HOST))
    return { file: path, args: ['-c', config], folder, cwd: folder }
  }
  const { folder, config } = await writeWorkerdConfig(entry, bindings)
  return { file: bin('workerd'), args: ['serve', config, '--socket-addr', `http=127.0.0.1:${PORT}`], folder }
}

/**
 * Starts a row and waits until it has relayed a short stream completely. `onSpawn` gets the
 * function that kills the process immediately. That function is synchronous, so it also works while
 * the bench itself ends.
 * @throws Error with the output of the process if it ends, relays wrongly or does not answer in
 * time
 */
export async function startRow(
  row: Row,
  { upstreamPort, seed, onSpawn }: { upstreamPort: number; seed: number; onSpawn: (kill: () => void) => void },
  options: StartOptions,
): Promise<RunningRow> {
  const port = await freePort()
  const environment = { PORT: String(port), OLLAMA_HOST: `http://127.0.0.1:${upstreamPort}`, ...options.environment }
  const { file, args, folder, cwd } = await toCommand(row, environment, options)
  const startMs = nowMs()
  const child = spawn(file, args, {
    cwd,
    // The variables of the bench's own environment are left out, because a `SLUICE_…` or
    // `NODE_OPTIONS` among them would change the figures. `npm run start:bun` sets the variable of
    // Bun, and Bun reads it before it runs any code of Sluice (docs/hazards.md#29).
    env: { PATH: process.env.PATH, HOME: process.env.HOME, BUN_CONFIG_MAX_HTTP_REQUESTS: '65336', ...environment },
    // The access log is written as under systemd, in JSON. Here it goes to /dev/null.
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  })
  let output = ''
  child.stderr?.on('data', (data: Buffer) => (output = (output + data.toString()).slice(-2000)))
  const ended = new Promise<void>((resolve) =>
    child.on('close', () => resolve()).on('error', (error) => resolve(void (output += error.message))),
  )
  let hasEnded = false
  void ended.then(() => (hasEnded = true))

  const kill = (): void => {
    if (folder) rmSync(folder, { recursive: true, force: true })
    child.kill('SIGKILL')
  }
  onSpawn(kill)
  const stop = async (): Promise<void> => {
    kill()
    await ended
  }

  const target = row.runtime === 'go' ? toOllaTarget(port) : toTarget(port)
  try {
    const firstMs = await readFirstStream(target, { seed, endMs: startMs + START_LIMIT_MS, hasEnded: () => hasEnded })
    return {
      name: row.name,
      runtime: row.runtime,
      target,
      pids: child.pid === undefined ? [] : [child.pid],
      coldMs: firstMs - startMs,
      async usedHeapMb() {
        if (!options.tellsHeap || (row.runtime !== 'node' && row.runtime !== 'bun')) return NaN
        const report = once(child.stdio[3] as NodeJS.ReadableStream, 'data')
        child.kill('SIGUSR2')
        const [bytes] = (await report) as [Buffer]
        return Number(bytes.toString()) / 1e6
      },
      exitOutput: () => (hasEnded ? output.trim() || 'nothing' : undefined),
      stop,
    }
  } catch (error) {
    await stop()
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`Cannot measure ${row.name}: ${output.trim() || reason}`, { cause: error })
  }
}
