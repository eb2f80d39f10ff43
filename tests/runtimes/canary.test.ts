import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { faults } from '#fake-ollama/faults.ts'
import { tokens, tokensThen } from '#fake-ollama/scripts.ts'
import { startUpstream, type Script, type Upstream } from '#fake-ollama/upstream.ts'
import { read, type ReaderRequest } from './reader.ts'
import { startServer, type Server } from './server.ts'

/** What must stay where it is, one word for each place. */
const canaries = {
  key: 'canary-of-the-key',
  wrongKey: 'canary-of-a-wrong-key',
  upstreamKey: 'canary-of-the-upstreams-key',
  prompt: 'canary-of-the-prompt',
  output: 'canary-of-the-output',
  header: 'canary-of-a-header',
  query: 'canary-of-the-query',
}

/** A question in each dialect, streamed and in one piece. */
const questions: readonly (readonly [path: string, body: object])[] = [
  ['/api/generate', { prompt: canaries.prompt }],
  ['/api/generate', { prompt: canaries.prompt, stream: false }],
  ['/chat', { text: canaries.prompt }],
  ...[
    ['/api/chat', {}],
    ['/ollama/api/chat', {}],
    ['/v1/chat/completions', { stream: true }],
    ['/v1/chat/completions', {}],
    ['/v1/messages', { stream: true, max_tokens: 5 }],
  ].map(
    ([path, more]) =>
      [path, { messages: [{ role: 'user', content: canaries.prompt }], ...(more as object) }] as [string, object],
  ),
  ['/v1/responses', { input: canaries.prompt, stream: true }],
  ['/api/ui/chat', { messages: [{ id: 'x', role: 'user', parts: [{ type: 'text', text: canaries.prompt }] }] }],
]

/** Bodies that are refused, with a canary where the mistake is. */
const mistakes: readonly (readonly [path: string, body: object | string])[] = [
  ['/api/generate', `{"prompt":"${canaries.prompt}`],
  ['/api/generate', { model: `../${canaries.prompt}`, prompt: 'x' }],
  ['/api/chat', { messages: [{ role: canaries.prompt, content: 5 }] }],
  ['/api/generate', { options: { temperature: canaries.prompt } }],
  ['/chat', { text: [canaries.prompt] }],
  [
    '/v1/chat/completions',
    { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: `https://${canaries.prompt}.example` }] }] },
  ],
  ['/v1/messages', { max_tokens: canaries.prompt, messages: canaries.prompt }],
  ['/v1/responses', { input: [{ type: canaries.prompt }] }],
  ['/api/ui/chat', { messages: [{ role: 'user', parts: [{ type: canaries.prompt }] }] }],
  [`/nothing/${canaries.query}`, {}],
  [`/v1/models/${canaries.query}`, {}],
]

describe.each(['node', 'bun', 'worker'] as const)('%s: secrets, prompts and answers', (runtime) => {
  let upstream: Upstream
  let server: Server

  beforeAll(async () => {
    upstream = await startUpstream()
    server = await startServer(runtime, {
      OLLAMA_HOST: upstream.url,
      OLLAMA_API_KEY: canaries.upstreamKey,
      SLUICE_API_KEYS: `me:${createHash('sha256').update(canaries.key).digest('hex')}`,
      SLUICE_LOG: 'json',
      SLUICE_FIRST_TOKEN_TIMEOUT_MS: '300',
      SLUICE_IDLE_TIMEOUT_MS: '300',
      SLUICE_MAX_LINE_BYTES: '100000',
    })
  })
  afterAll(async () => {
    await server?.stop()
    await upstream?.close()
  })

  const headers = {
    authorization: `Bearer ${canaries.key}`,
    cookie: canaries.header,
    'user-agent': canaries.header,
    'last-event-id': canaries.header,
    traceparent: canaries.header,
  }

  async function ask(request: ReaderRequest): Promise<{ status: number; text: string }> {
    const reader = read(server, { ...request, headers: { ...headers, ...request.headers } })
    const head = await reader.head.catch(() => ({ status: 0 }))
    await reader.ended
    return { status: head.status, text: reader.text }
  }

  /** Waits until a request that comes after them is in the log: theirs are there then. */
  async function readLog(): Promise<string> {
    const marker = `marker-${Math.random().toString(36).slice(2)}`
    await ask({ path: '/ping', headers: { 'x-request-id': marker } })
    await expect.poll(() => server.output()).toContain(marker)
    return server.output()
  }

  function expectClean(text: string, allowed: readonly string[] = []) {
    for (const canary of Object.values(canaries)) if (!allowed.includes(canary)) expect(text).not.toContain(canary)
  }

  test('of good answers are in no line of the log', async () => {
    for (const [path, body] of questions) {
      const model = upstream.script(tokens({ count: 3, text: canaries.output }))
      const { status, text } = await ask({ path: `${path}?q=${canaries.query}`, body: { model, ...body } })
      expect(status).toBe(200)
      expectClean(text, [canaries.output])
    }
    const log = await readLog()
    expect(log).toContain('"key":"me"')
    expectClean(log)
  })

  test('of refused requests are in no error and no line of the log', async () => {
    for (const [path, body] of mistakes) {
      const { status, text } = await ask({ path, ...(path.startsWith('/v1/models') ? {} : { body }) })
      expect(status).toBeGreaterThanOrEqual(400)
      expectClean(text)
    }
    const wrong = { authorization: `Bearer ${canaries.wrongKey}` }
    expectClean((await ask({ path: '/api/tags', headers: wrong })).text)
    expectClean(await readLog())
  })

  test('are in no error and no line of the log under any fault of the upstream', async () => {
    const scripts: Script[] = faults.map(({ script }) => script)
    for (const [i, script] of scripts.entries()) {
      const [path, body] = questions[i % questions.length]!
      const { text } = await ask({ path, body: { model: upstream.script(script), ...body } })
      expectClean(text, [canaries.output])
    }
    for (const [path, body] of questions) {
      const model = upstream.script(tokensThen([canaries.output], ({ reset }) => reset()))
      void upstream.next(model).then(({ exchange }) => exchange.pass())
      const { text } = await ask({ path, body: { model, ...body } })
      // What was said before the failure is said; the failure itself says nothing of it.
      expectClean(text, [canaries.output])
      const last = text
        .split('\n')
        .filter((line) => line.includes('error'))
        .at(-1)
      expect(last).toBeDefined()
      if (!path.startsWith('/v1/responses')) expect(last).not.toContain(canaries.output)
    }
    expectClean(await readLog())
  }, 60_000)
})
