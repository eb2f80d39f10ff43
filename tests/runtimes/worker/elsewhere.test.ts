import { Hono } from 'hono'
import { describe, expect, test, vi } from 'vitest'
import { parseConfig } from '../../../src/config/parse-config.ts'
import type { GenerationPlan } from '../../../src/dialects/dialect.ts'
import { ServiceError } from '../../../src/errors.ts'
import type { Env } from '../../../src/middleware/env.ts'
import { createElsewhere } from '../../../src/runtimes/worker/elsewhere.ts'
import { placeHeader, type Caller, type RunStub } from '../../../src/runtimes/worker/namespaces.ts'
import type { RunEntry } from '../../../src/store/objects/run-directory.ts'

type Fetch = (id: string, request: Request) => Promise<Response>

/** The app of a Worker, over fakes of its objects. `fetch` is what the objects of runs answer. */
function createWorker({ fetch, entries = [] }: { fetch: Fetch; entries?: readonly RunEntry[] }) {
  const toId = (text: string) => ({ toString: () => text })
  const verdict = { refusedBy: undefined, left: {}, id: 'place', settle: vi.fn<() => void>(), handOver: vi.fn<() => void>() }
  const elsewhere = createElsewhere({
    config: parseConfig({}),
    address: () => '127.0.0.1',
    runs: {
      newUniqueId: () => toId('new'),
      idFromString: toId,
      idFromName: toId,
      get: (id): RunStub => ({ fetch: (request) => fetch(id.toString(), request) }),
    },
    callers: {
      newUniqueId: () => toId('new'),
      idFromString: toId,
      idFromName: toId,
      get: () => ({ list: async () => [...entries] }) as Partial<Caller> as Caller,
    },
  })
  const app = new Hono<Env>()
    .use(async (c, next) => {
      c.set('requestId', 'id')
      c.set('principal', { name: 'alice', models: undefined })
      c.set('verdict', verdict)
      await next()
    })
    .route('/', elsewhere.routes)
    .post('/api/generate', async (c) => (await elsewhere.start(c, {} as GenerationPlan, {}))!)
    .onError((error, c) => c.body(null, (error instanceof ServiceError ? error.status : 500) as 500))
  return {
    verdict,
    async send(path: string, signal: AbortSignal | null = null) {
      const { status } = await app.request(path, { method: 'POST', signal })
      return status
    },
  }
}

describe('the place of an answer', () => {
  test('is handed over to the object that has begun the answer', async () => {
    const places: (string | null)[] = []
    const { verdict, send } = createWorker({
      async fetch(_, { headers }) {
        places.push(headers.get(placeHeader))
        expect(verdict.handOver).not.toHaveBeenCalled()
        return new Response('')
      },
    })
    expect(await send('/api/generate')).toBe(200)
    expect(places).toEqual(['place'])
    expect(verdict.handOver).toHaveBeenCalledOnce()
  })

  test('stays here if the object cannot be reached', async () => {
    const { verdict, send } = createWorker({ fetch: () => Promise.reject(new Error('gone')) })
    expect(await send('/api/generate')).toBe(503)
    expect(verdict.handOver).not.toHaveBeenCalled()
  })

  test('goes with the answer if its reader leaves, because the answer may go on', async () => {
    const reader = new AbortController()
    const { verdict, send } = createWorker({
      async fetch() {
        reader.abort()
        throw new Error('aborted')
      },
    })
    await send('/api/generate', reader.signal)
    expect(verdict.handOver).toHaveBeenCalledOnce()
  })
})

describe('a cancel that is sent to several objects', () => {
  const entries = ['1', '2', '3'].map((id): RunEntry => ({
    id,
    caller: '',
    requestId: id,
    state: 'attached',
    isBackground: false,
    chat: 'c',
  }))
  const createWith = (statuses: Readonly<Record<string, number>>) =>
    createWorker({
      entries,
      async fetch(id) {
        const status = statuses[id]
        if (status === undefined) throw new Error('gone')
        return new Response(null, { status })
      },
    })

  test.each(['/ollama/cancel/x', '/api/ui/chat/c/stop'])('%s is done if one of them does it', async (path) => {
    expect(await createWith({ 2: 204, 3: 404 }).send(path)).toBe(204)
    expect(await createWith({ 1: 404, 3: 404 }).send(path)).toBe(503)
    expect(await createWith({ 1: 404, 2: 404, 3: 404 }).send(path)).toBe(404)
  })
})
