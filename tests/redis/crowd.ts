import { expect, onTestFinished } from 'vitest'
import { toDeltaLine } from '#fake-ollama/ollama-lines.ts'
import { ndjson, pause } from '#fake-ollama/scripts.ts'
import { startUpstream, type Exchange, type Upstream } from '#fake-ollama/upstream.ts'
import { askToResume, read, type Reader } from '../runtimes/reader.ts'
import { finish, toFrames, toRecorded, toRunPath } from '../runtimes/resumable.ts'
import { startServer, type RuntimeName, type Server } from '../runtimes/server.ts'

/** An answer with its reader, and a viewer at the other process. */
export interface Watched {
  readonly first: Reader
  readonly viewer: Reader
  /** The place of the answer: `/streams/RUN`. */
  readonly run: string
  /** The process that makes the answer. */
  readonly producer: Server
  readonly exchange: Exchange
}

/** Two servers that share a Redis, and an Ollama whose answers go on until the test ends them. */
export interface Crowd {
  readonly upstream: Upstream
  readonly servers: [Server, Server]
  /** Starts another server with the same settings. */
  startServer(env?: Readonly<Record<string, string>>): Promise<Server>
  /** Starts answers. Half of them are made by each server. Returns when all viewers read. */
  watch(count: number): Promise<Watched[]>
  /** Starts an answer, and waits for its first token. */
  ask(server: Server, headers?: Readonly<Record<string, string>>): Promise<{ reader: Reader; exchange: Exchange }>
  /** Ends all answers with `done`. */
  release(): void
  /** What `/readyz` of each server says of Redis. */
  toStores(): Promise<string[]>
}

/** The time between two tokens of an answer, in milliseconds. */
const tokenMs = 50
/** A token has text in it whose bytes are more than its characters. */
const toText = (index: number) => ` 汉字 ${index} ${'é'.repeat(40)}`

export interface CrowdOptions {
  readonly runtime?: RuntimeName
  readonly url: string
  readonly env?: Readonly<Record<string, string>>
}

export async function startCrowd({ runtime = 'node', url, env = {} }: CrowdOptions): Promise<Crowd> {
  const upstream = await startUpstream()
  onTestFinished(() => upstream.close())
  const start = async (more: Readonly<Record<string, string>> = {}) => {
    const server = await startServer(runtime, {
      OLLAMA_HOST: upstream.url,
      SLUICE_LOG: 'silent',
      SLUICE_REDIS_URL: url,
      SLUICE_REDIS_LEASE_MS: `${leaseMs}`,
      SLUICE_RESUME_MAX_DETACHED: '1000',
      ...env,
      ...more,
    })
    onTestFinished(server.stop)
    return server
  }
  const servers: Crowd['servers'] = [await start(), await start()]
  const isReleased = new Set<Exchange>()
  const open = new Set<Exchange>()
  const model = upstream.script(async (exchange) => {
    open.add(exchange)
    void exchange.ended.then(() => open.delete(exchange))
    exchange.head(200, ndjson)
    for (let index = 0; exchange.isOpen && !isReleased.has(exchange); index++) {
      exchange.chunk(`${toDeltaLine(exchange.request, toText(index))}\n`)
      await pause(exchange, tokenMs)
    }
    finish(exchange)
  })

  /** The requests of one server come one after the other, so the next request is this one. */
  let asking = Promise.resolve()
  const crowd: Crowd = {
    upstream,
    servers,
    startServer: start,
    ask(server, headers = {}) {
      const asked = asking.then(async () => {
        const reader = askToResume({ server }, model, { headers })
        const { exchange } = await upstream.next(model)
        return { reader, exchange }
      })
      asking = asked.then(
        () => {},
        () => {},
      )
      return asked.then(async (started) => {
        await started.reader.until((text) => toFrames(text).length > 0, 10_000)
        return started
      })
    },
    watch: (count) =>
      Promise.all(
        Array.from({ length: count }, async (_, index) => {
          const producer = servers[index % 2]!
          const { reader: first, exchange } = await crowd.ask(producer)
          const run = toRunPath(await first.head)
          return { first, run, producer, exchange, viewer: await view(servers[(index + 1) % 2]!, run) }
        }),
      ),
    release() {
      for (const exchange of open) isReleased.add(exchange)
    },
    toStores: () =>
      Promise.all(
        servers.map(async (server) => {
          const response = await fetch(`${server.url}/readyz`)
          expect(response.status).toBe(200)
          return ((await response.json()) as { store: string }).store
        }),
      ),
  }
  await expect.poll(crowd.toStores).toEqual(['up', 'up'])
  return crowd
}

/** How long a process may be silent before the others count it as dead, in milliseconds. */
export const leaseMs = Number(process.env.FAULT_LEASE_MS ?? 2000)

/** Reads a run at another process, as soon as that one knows it. */
export async function view(server: Server, path: string, headers: Readonly<Record<string, string>> = {}): Promise<Reader> {
  for (const giveUpAt = performance.now() + 10_000; ;) {
    const reader = read(server, { path, headers })
    const { status } = await reader.head
    if (status === 200) {
      await reader.until((text) => toFrames(text).length > 0, 10_000)
      return reader
    }
    if (performance.now() > giveUpAt) throw new Error(`No run is at ${path}: ${status} ${reader.text}`)
  }
}

export const countFrames = ({ text }: Pick<Reader, 'text'>): number => text.split('\nid: ').length - 1

/** Waits until each reader that has not ended has `more` frames more than now. */
export async function untilGrown(readers: readonly Reader[], more: number, limitMs = 10_000): Promise<void> {
  await Promise.all(
    readers.map(async (reader) => {
      const count = countFrames(reader) + more
      if (!reader.isEnded) await reader.until(() => reader.isEnded || countFrames(reader) >= count, limitMs)
    }),
  )
}

/** Returns how a stream has ended: `done`, or the code of its failure. */
export function toTerminal({ text }: Pick<Reader, 'text'>): string | undefined {
  const { event, data = '{}' } = toFrames(text).at(-1) ?? {}
  const { done, code } = JSON.parse(data) as { done?: boolean; code?: string }
  return event === 'failed' ? code : done ? 'done' : undefined
}

/**
 * Checks the bytes of both readers of a stream. The first one has each frame once and in order. The
 * viewer has the same bytes, or fewer of them and the failure that says so. Returns both terminals.
 */
export function checkBytes({ first, viewer, run }: Watched): { readonly first: string; readonly viewer: string } {
  const frames = toFrames(first.text)
  const id = run.slice('/streams/'.length)
  expect(frames.map((frame) => frame.id)).toEqual(frames.map((_, index) => `${id}.${index}`))
  const [whole, seen] = [toRecorded(first.text), toRecorded(viewer.text)]
  const terminals = { first: String(toTerminal(first)), viewer: String(toTerminal(viewer)) }
  if (seen === whole) return terminals
  const failure = seen.lastIndexOf('event: failed\n')
  expect(failure, `the viewer lacks a terminal: ${seen.slice(-300)}`).toBeGreaterThanOrEqual(0)
  expect(whole.startsWith(seen.slice(0, failure)), `the viewer has other bytes: ${seen.slice(-600)}`).toBe(true)
  expect(['log_lost', 'log_dropped', 'producer_lost']).toContain(terminals.viewer)
  return terminals
}
