import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Reply } from '../../src/store/redis/redis.ts'

/** A redis-server in a process of its own. It keeps nothing on disk. */
export interface RedisServer {
  /** `redis://127.0.0.1:PORT`, with the password if there is one. */
  readonly url: string
  readonly port: number
  /**
   * Sends a command over a connection of its own, and returns the reply.
   * @throws Error with the words of Redis, if it refuses the command
   */
  command(...parts: readonly string[]): Promise<Reply>
  /** Stops the process without killing it. The kernel still accepts connections for it. */
  pause(): void
  resume(): void
  /** Ends the process with SIGKILL. All data is lost. */
  kill(): Promise<void>
  /** Starts the process on the same port again. Ends it first if it still runs. */
  restart(): Promise<void>
  /** Ends the process. */
  stop(): Promise<void>
}

export interface RedisServerOptions {
  readonly password?: string
  /** `maxmemory`, with the policy that applies when it is reached. */
  readonly maxMemory?: { readonly size: string; readonly policy: string }
  /** The server whose data this one repeats. */
  readonly replicaOf?: RedisServer
  /** More arguments, such as `['--io-threads', '2']`. */
  readonly args?: readonly string[]
}

const cache = fileURLToPath(new URL('../../node_modules/.cache/redis/', import.meta.url))
const binary = `${cache}root/usr/bin/redis-server`
const startLimitMs = 10_000

/** @throws Error if `install.sh` has not run */
export function checkRedisInstalled(): void {
  if (!existsSync(binary)) throw new Error('Cannot start Redis: run tests/redis/install.sh first')
}

/**
 * Starts a redis-server on a free port of 127.0.0.1, and waits until it answers. A replica must also
 * have the data of its primary.
 * @throws Error with the output of the process, if it does not answer in time or if `install.sh`
 *   has not run
 */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  checkRedisInstalled()
  const { password } = options
  const port = await toFreePort()
  const command = (...parts: readonly string[]) => sendCommand(port, password, parts)
  let child: ChildProcess
  let exited: Promise<unknown>
  const onExit = () => child.kill('SIGKILL')
  process.once('exit', onExit)

  async function start() {
    child = spawn(binary, toArguments(port, options), {
      cwd: cache,
      env: { LD_LIBRARY_PATH: `${cache}lib` },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    exited = once(child, 'exit')
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data: Buffer) => (said += data.toString()))
    const giveUpAt = performance.now() + startLimitMs
    while (!(await isReady())) {
      const isOver = hasExited()
      if (!isOver && performance.now() < giveUpAt) await pause(10)
      else {
        await kill()
        throw new Error(`Cannot start Redis: it ${isOver ? 'ended' : 'does not answer in time'}\n${said}`)
      }
    }
  }
  const isReady = async () =>
    (await isAnswering(command)) && (!options.replicaOf || (await isReplicated(options.replicaOf, port)))
  const hasExited = () => child.exitCode !== null || child.signalCode !== null
  async function kill() {
    child.kill('SIGKILL')
    if (!hasExited()) await exited
  }

  await start()
  return {
    url: `redis://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}127.0.0.1:${port}`,
    port,
    command,
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    kill,
    async restart() {
      await kill()
      await start()
    },
    async stop() {
      await kill()
      process.off('exit', onExit)
    },
  }
}

function toArguments(port: number, { password, maxMemory, replicaOf, args = [] }: RedisServerOptions): string[] {
  return [
    ...`--port ${port} --bind 127.0.0.1 --appendonly no --repl-diskless-sync-delay 0 --save`.split(' '),
    '',
    ...(password === undefined ? [] : ['--requirepass', password, '--masterauth', password]),
    ...(maxMemory ? ['--maxmemory', maxMemory.size, '--maxmemory-policy', maxMemory.policy] : []),
    ...(replicaOf ? ['--replicaof', `127.0.0.1 ${replicaOf.port}`] : []),
    ...args,
  ]
}

async function isAnswering(command: RedisServer['command']): Promise<boolean> {
  try {
    return (await command('PING')) === 'PONG'
  } catch (error) {
    // A server that asks for more rights is there, too.
    return /^NOAUTH|^NOPERM/.test((error as Error).message)
  }
}

async function isReplicated(primary: RedisServer, port: number): Promise<boolean> {
  return String(await primary.command('INFO', 'replication')).includes(`port=${port},state=online`)
}

async function sendCommand(port: number, password: string | undefined, parts: readonly string[]): Promise<Reply> {
  const socket = connect({ host: '127.0.0.1', port })
  const commands = password === undefined ? [parts] : [['AUTH', password], parts]
  socket.write(commands.map(toBytes).join(''))
  let text = ''
  try {
    // Each byte is one character until a text is complete, because Redis counts bytes.
    for await (const data of socket.setEncoding('latin1')) {
      text += data as string
      const replies = toReplies(text)
      const error = replies.find((reply) => reply instanceof Error)
      if (error) throw error
      if (replies.length === commands.length) return replies.at(-1) as Reply
    }
    throw new Error('Cannot ask Redis: it closed the connection')
  } finally {
    socket.destroy()
  }
}

function toBytes(parts: readonly string[]): string {
  return `*${parts.length}\r\n${parts.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`).join('')}`
}

/** Parses the complete replies of RESP2 in `text`. The characters of `text` are bytes. */
function toReplies(text: string): (Reply | Error)[] {
  let at = 0
  function toReply(): Reply | Error | undefined {
    const end = text.indexOf('\r\n', at)
    if (end === -1) return undefined
    const [type, line] = [text[at], text.slice(at + 1, end)]
    at = end + 2
    if (type === '+') return line
    if (type === '-') return new Error(line)
    if (type === ':') return Number(line)
    const length = Number(line)
    if (length === -1) return null
    if (type === '$') {
      const value = text.slice(at, at + length)
      at += length + 2
      return at > text.length ? undefined : Buffer.from(value, 'latin1').toString()
    }
    const items: Reply[] = []
    while (items.length < length) {
      const item = toReply()
      if (item === undefined) return undefined
      items.push(item instanceof Error ? item.message : item)
    }
    return items
  }
  const replies: (Reply | Error)[] = []
  for (let reply = toReply(); reply !== undefined; reply = toReply()) replies.push(reply)
  return replies
}

/** This is not that of tests/lab, because pair.ts is a helper above this one (tests/helper-depth.test.ts). */
async function toFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}
