import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { nowMs } from '../clock.ts'
import { workingPid } from '../process-stats.ts'
import type { Row } from './rows.ts'
import { writeWorkerdConfig } from './write-workerd-config.ts'

/** A row's server that runs and answers. */
export interface RunningRow {
  readonly row: Row
  readonly port: number
  /** The process that does the work. */
  readonly pid: number
  /** From the start of the process to its first answer. */
  readonly coldMs: number
  stop(): Promise<void>
}

const START_LIMIT_MS = 15_000
const bin = (name: string): string => fileURLToPath(new URL(`../../node_modules/.bin/${name}`, import.meta.url))

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** What a row is started with. Nothing of our own environment: a `SLUICE_…` or `NODE_OPTIONS` set here would change the figures. */
function toEnvironment(port: number, upstreamPort: number): Record<string, string> {
  return {
    PORT: String(port),
    OLLAMA_HOST: `http://127.0.0.1:${upstreamPort}`,
    SLUICE_LOG: 'silent',
    SLUICE_MAX_STREAMS: '5000',
  }
}

async function toCommand(
  { runtime, entry, flags = [] }: Row,
  environment: Record<string, string>,
): Promise<{ file: string; args: string[]; folder?: string }> {
  if (runtime === 'node') return { file: process.execPath, args: [...flags, fileURLToPath(entry)] }
  if (runtime === 'bun') return { file: bin('bun'), args: [fileURLToPath(entry)] }
  const { PORT, ...bindings } = environment
  const { folder, config } = await writeWorkerdConfig(entry, bindings)
  return { file: bin('workerd'), args: ['serve', config, '--socket-addr', `http=127.0.0.1:${PORT}`], folder }
}

/**
 * Starts a row and waits for its first answer to `GET /ping`. `onSpawn` gets at once what ends it, also synchronously while the bench itself ends.
 * @throws Error with what the process said, when it ends or does not answer in time
 */
export async function startRow(
  row: Row,
  {
    upstreamPort,
    settings,
    onSpawn,
  }: { upstreamPort: number; settings: Record<string, string>; onSpawn: (kill: () => void) => void },
): Promise<RunningRow> {
  const port = await freePort()
  const environment = { ...toEnvironment(port, upstreamPort), ...settings }
  const { file, args, folder } = await toCommand(row, environment)
  const startMs = nowMs()
  const child = spawn(file, args, {
    // Bun reads this before it runs a line of ours (hazard 29).
    env: { PATH: process.env.PATH, HOME: process.env.HOME, BUN_CONFIG_MAX_HTTP_REQUESTS: '65336', ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (data: Buffer) => (said = (said + data.toString()).slice(-2000)))
  const ended = new Promise<void>((resolve) =>
    child.on('close', () => resolve()).on('error', (error) => resolve(void (said += error.message))),
  )
  let hasEnded = false
  void ended.then(() => (hasEnded = true))

  const kill = (): void => {
    if (folder) rmSync(folder, { recursive: true, force: true })
    if (hasEnded || child.pid === undefined) return
    try {
      process.kill(workingPid(child.pid), 'SIGKILL')
    } catch {
      // It ended in this moment.
    }
    child.kill('SIGKILL')
  }
  onSpawn(kill)
  const stop = async (): Promise<void> => {
    kill()
    await ended
  }

  while (!(await answersPing(port))) {
    if (hasEnded || nowMs() - startMs > START_LIMIT_MS) {
      await stop()
      throw new Error(`Cannot start ${row.name}: ${said.trim() || 'it did not answer /ping'}`)
    }
    await sleep(2)
  }
  const coldMs = nowMs() - startMs
  return { row, port, pid: workingPid(child.pid ?? 0), coldMs, stop }
}

async function answersPing(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/ping`, { signal: AbortSignal.timeout(2_000) })
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false
  }
}
