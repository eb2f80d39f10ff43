import { json, tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Script, type Upstream as Fixture } from '#fake-ollama/upstream.ts'
import type { CallNotes, GenerationEvent } from '../../src/generation.ts'
import type { PoolHost } from '../../src/pool/host.ts'
import { createPool, type Pool, type PoolOptions } from '../../src/pool/pool.ts'
import type { CallContext } from '../../src/upstreams/upstream.ts'
import { ollamaOverHttp } from '../upstreams/ollama-over-http.ts'

/** A fake Ollama, what its lists say, and how it answers a chat. */
export interface FakeHost {
  readonly name: string
  readonly fixture: Fixture
  installed: string[]
  /** The models in memory, and the length of the context of each. */
  loaded: Map<string, number>
  /** Answers `/api/chat` for every model. */
  answer: Script
  /** How many chats came. */
  readonly chats: number
}

const isChat = ({ target }: { target: string }) => target === '/api/chat'

export async function startHost(name: string, installed: readonly string[] = ['m:latest']): Promise<FakeHost> {
  const fixture = await startUpstream()
  const host: FakeHost = {
    name,
    fixture,
    installed: [...installed],
    loaded: new Map(),
    answer: tokens({ count: 2, text: ` ${name}` }),
    get chats() {
      return fixture.requests.filter(isChat).length
    },
  }
  fixture.on('GET /api/tags', (exchange) =>
    json({ models: host.installed.map((name) => ({ name, digest: host.name })) })(exchange),
  )
  fixture.on('GET /api/ps', (exchange) =>
    json({ models: Array.from(host.loaded, ([name, context_length]) => ({ name, context_length })) })(exchange),
  )
  fixture.on('POST /api/chat', (exchange) => host.answer(exchange))
  return host
}

type Options = Partial<PoolOptions> & { settings?: Readonly<Record<string, Partial<PoolHost>>> }

/** A pool of hosts, whose lists are known already. */
export async function poolOf(hosts: readonly Pick<FakeHost, 'name' | 'fixture'>[], options: Options = {}): Promise<Pool> {
  const pool = coldPoolOf(hosts, options)
  await pool.ask({ about: 'tags' }, { signal: new AbortController().signal })
  await pool.ask({ about: 'ps' }, { signal: new AbortController().signal })
  return pool
}

export function coldPoolOf(
  hosts: readonly Pick<FakeHost, 'name' | 'fixture'>[],
  { settings = {}, ...options }: Options = {},
): Pool {
  return createPool({
    hosts: hosts.map(({ name, fixture }) => ({
      name,
      tier: 1,
      max: 0,
      weight: 1,
      upstream: ollamaOverHttp(fixture.url),
      ...settings[name],
    })),
    waiting: 100,
    embedTimeoutMs: 5000,
    now: () => performance.now(),
    ...options,
  })
}

interface Asked {
  readonly model?: string
  readonly content?: string
  readonly options?: object
  readonly context?: Partial<CallContext>
}

/** Starts a chat. The notes are filled when it resolves. */
export async function begin(pool: Pool, { model = 'm', content = 'Hi', options, context }: Asked = {}) {
  const notes: CallNotes = {}
  const messages = [{ role: 'user', content }]
  const generation = await pool.generate(
    { endpoint: 'chat', model, body: { messages, ...(options && { options }) } },
    { signal: new AbortController().signal, note: (more) => void Object.assign(notes, more), ...context },
  )
  return { notes, generation }
}

/** Reads a whole chat. */
export async function chat(pool: Pool, asked: Asked = {}) {
  const { notes, generation } = await begin(pool, asked)
  const events: GenerationEvent[] = []
  try {
    await generation.flow((batch) => void events.push(...batch))
  } catch (error) {
    generation.close({ how: 'failed', error: error as never })
    throw error
  }
  generation.close({ how: 'done' })
  const text = events.map((event) => (event.type === 'failed' ? '' : (event.chunk.message?.content ?? ''))).join('')
  return { ...notes, text }
}
