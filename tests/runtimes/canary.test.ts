import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { faults } from '#fake-ollama/faults.ts'
import { answer, ndjson, tokens, tokensThen } from '#fake-ollama/scripts.ts'
import { startUpstream, type Script, type Upstream } from '#fake-ollama/upstream.ts'
import { read, type ReaderRequest } from './reader.ts'
import { startServer, type Server } from './server.ts'

/**
 * Secret words, one for each place where a secret can be. None may appear anywhere else, for
 * example in the log.
 */
const canaries = {
  key: 'canary-of-the-key',
  wrongKey: 'canary-of-a-wrong-key',
  upstreamKey: 'canary-of-the-upstreams-key',
  prompt: 'canary-of-the-prompt',
  output: 'canary-of-the-output',
  header: 'canary-of-a-header',
  query: 'canary-of-the-query',
}

/**
 * Bodies with a part that Sluice ignores or that only Ollama checks. That part contains a canary.
 */
const oddities: readonly (readonly [path: string, body: object])[] = [
  ['/api/generate', { options: { temperature: canaries.prompt } }],
  ['/api/chat', { messages: [{ role: canaries.prompt, content: 'x' }] }],
  ['/chat', { text: 'x', options: { temperature: canaries.prompt } }],
  ['/v1/chat/completions', { messages: [{ role: 'user', content: 'x' }], [canaries.prompt]: canaries.prompt }],
  ['/v1/responses', { input: [{ type: canaries.prompt }], tools: [{ type: canaries.prompt }] }],
  ['/api/ui/chat', { messages: [{ id: 'x', role: 'user', parts: [{ type: canaries.prompt }] }] }],
]

/** A word that is short enough for JavaScript's own error messages to quote it completely. */
const quoted = 'wmurk'

/**
 * A value that is nested so deep that only workerd and Deno can write it as JSON. On Node and Bun
 * our encoder fails.
 */
const deep = `${'['.repeat(100_000)}"${quoted}"${']'.repeat(100_000)}`
const toCall = (args: string) => `{"message":{"tool_calls":[{"function":{"name":"f","arguments":${args}}}]}}`

/** Lines that make an answer fail, each at another step of parsing. */
const brokenLines: readonly (string | Uint8Array)[] = [
  quoted,
  `"${quoted}"`,
  `["${quoted}"]`,
  `{${quoted}:1}`,
  `{"response":${quoted}}`,
  `{"response":"x"${quoted}`,
  `{"response":"\u0001${quoted}"}`,
  `{"response":{"${quoted}":1}}`,
  `{"message":"${quoted}"}`,
  toCall(quoted),
  toCall(`"{${quoted}"`),
  toCall(`{"x":${quoted}}`),
  toCall(deep),
  `{"message":{"tool_calls":[{"function":{"name":{"${quoted}":1}}}]}}`,
  `{"logprobs":"${quoted}"}`,
  `{"error":{"${quoted}":1}}`,
  `<html>${quoted}</html>`,
  Buffer.from(`{"response":"${quoted}\xff"}`, 'latin1'),
]

/** A line that is valid in every dialect. */
const goodLine = '{"response":"a","message":{"content":"a"}}'

/** Sends an answer that consists of `before` (if given) and `line`. */
function sendLine(line: string | Uint8Array, before?: string): Script {
  return (exchange) => {
    exchange.head(200, ndjson)
    if (before !== undefined) exchange.chunk(`${before}\n`)
    exchange.chunk(line)
    exchange.chunk('\n')
    exchange.end()
  }
}

function sendRaw(bytes: string): Script {
  return (exchange) => {
    exchange.raw(bytes)
    exchange.fin()
  }
}

/** Answers that Sluice rejects because of their head. Their bodies contain `quoted`. */
const brokenAnswers: readonly Script[] = [
  answer(200, { 'content-type': `text/${quoted}` }, quoted),
  answer(200, { ...ndjson, 'content-encoding': quoted }, quoted),
  answer(200, { 'content-type': 'application/json' }, quoted),
  answer(302, { location: `http://${quoted}/` }, quoted),
  answer(400, { 'content-type': 'application/json' }, `{"error":${quoted}}`),
  answer(500, { 'content-type': 'text/html' }, `<html>${quoted}</html>`),
  answer(503, { 'content-type': 'application/json', 'retry-after': quoted }, quoted),
  sendRaw(`${quoted}\r\n\r\n`),
  sendRaw(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-type: application/json\r\n\r\n${quoted}\r\n`),
]

/** Requests that cannot be parsed, each broken at another place. */
const brokenRequests: readonly (readonly [path: string, body: object | string])[] = [
  ...[quoted, `"${quoted}"`, `{${quoted}:1}`, `{"prompt":${quoted}}`, `{"prompt":"x"${quoted}`].flatMap((body) =>
    ['/api/generate', '/ollama/api/chat', '/v1/chat/completions', '/v1/messages', '/v1/responses', '/api/ui/chat'].map(
      (path) => [path, body] as const,
    ),
  ),
  ['/api/chat', { messages: [{ role: 'assistant', tool_calls: [{ function: { name: 'f', arguments: `{${quoted}` } }] }] }],
  [
    '/v1/chat/completions',
    {
      messages: [
        { role: 'assistant', tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: `{${quoted}` } }] },
      ],
    },
  ],
  ['/v1/responses', { input: [{ type: 'function_call', call_id: 'a', name: 'f', arguments: `{${quoted}` }] }],
  ['/v1/responses', { input: 'x', text: { format: { type: 'json_schema', name: 'x', schema: quoted } } }],
  [
    '/api/ui/chat',
    {
      messages: [
        {
          role: 'assistant',
          parts: [{ type: 'tool-f', toolCallId: 'a', state: 'output-error', input: `{${quoted}`, errorText: '' }],
        },
      ],
    },
  ],
]

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

/** Bodies that are refused. The wrong part contains a canary. */
const mistakes: readonly (readonly [path: string, body: object | string])[] = [
  ['/api/generate', `{"prompt":"${canaries.prompt}`],
  ['/api/generate', { model: `../${canaries.prompt}`, prompt: 'x' }],
  ['/chat', { text: [canaries.prompt] }],
  [
    '/v1/chat/completions',
    { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: `https://${canaries.prompt}.example` }] }] },
  ],
  ['/v1/messages', { max_tokens: canaries.prompt, messages: canaries.prompt }],
  ['/v1/responses', { input: 'x', previous_response_id: canaries.prompt }],
  ['/api/ui/chat', { messages: canaries.prompt }],
  [`/nothing/${canaries.query}`, {}],
  [`/v1/models/${canaries.query}`, {}],
]

describe.each(['node', 'bun', 'deno', 'worker'] as const)('%s: secrets, prompts and answers', (runtime) => {
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
    traceparent: canaries.header,
  }

  async function ask(request: ReaderRequest): Promise<{ status: number; text: string; head: string }> {
    const reader = read(server, { ...request, headers: { ...headers, ...request.headers } })
    const { status, headers: told } = await reader.head.catch(() => ({ status: 0, headers: {} }))
    await reader.ended
    return { status, text: reader.text, head: JSON.stringify(told) }
  }

  /**
   * Sends one more request and waits until it is in the log. Then all earlier requests are in the
   * log too.
   */
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
    const { status, text } = await ask({ path: '/chat', body: { text: 'x' }, headers: { 'last-event-id': canaries.header } })
    expect(status).toBe(400)
    expectClean(text)
    const wrong = { authorization: `Bearer ${canaries.wrongKey}` }
    expectClean((await ask({ path: '/api/tags', headers: wrong })).text)
    expectClean(await readLog())
  })

  test('of ignored fields are in no header, no answer and no line of the log', async () => {
    for (const [path, body] of oddities) {
      const model = upstream.script(tokens({ count: 1 }))
      const { text, head } = await ask({ path, body: { model, ...body } })
      expectClean(text)
      expectClean(head)
    }
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
      // The answer contains the model's text from before the failure, but the error message must
      // not contain it.
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

  describe('that JavaScript’s own errors quote', () => {
    /** Expects that no line of the log quotes the bytes that were received. */
    async function expectUnquoted() {
      const lines = (await readLog()).split('\n')
      expect(lines.filter((line) => line.includes(quoted))).toEqual([])
    }

    test('are in no line of the log, wherever an answer breaks', async () => {
      const scripts = brokenLines.flatMap((line) => [sendLine(line), sendLine(line, goodLine)])
      for (const script of [...scripts, ...brokenAnswers])
        for (const [path, body] of questions) await ask({ path, body: { model: upstream.script(script), ...body } })
      await expectUnquoted()
      expect(server.output()).toMatch(/"code":"upstream_protocol".*"cause":"SyntaxError at /)
    }, 60_000)

    test('are in no line of the log, wherever an answer without a stream breaks', async () => {
      const restore = ['tags', 'ps', 'version'].map((about) =>
        upstream.on(`GET /api/${about}`, answer(200, { 'content-type': 'application/json' }, `{"models":${quoted}}`)),
      )
      for (const path of ['/api/tags', '/ollama/api/ps', '/api/version', '/v1/models', '/readyz']) await ask({ path })
      await ask({ path: '/api/generate', body: { prompt: 'x' } })
      await ask({
        path: '/api/generate',
        body: { prompt: 'x', model: upstream.script(tokens({ count: 1 })) },
        headers: { prefer: 'status' },
      })
      for (const script of brokenAnswers) {
        const model = upstream.script(script)
        await ask({ path: '/api/show', body: { model } })
        await ask({ path: '/v1/embeddings', body: { model, input: 'x' } })
      }
      await expectUnquoted()
      for (const undo of restore) undo()
    })

    test('are in no line of the log, wherever a request breaks', async () => {
      for (const [path, body] of brokenRequests) await ask({ path, body })
      await expectUnquoted()
    })
  })
})
