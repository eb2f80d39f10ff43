import { describe, expect, test } from 'vitest'
import { faults } from '#fake-ollama/faults.ts'
import type { FailedAnswer, Fault } from '#fake-ollama/fault.ts'
import { delayed, json, lines, replay, silent, thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Script } from '#fake-ollama/upstream.ts'
import { upstreamErrors } from '#fake-ollama/upstream-errors.ts'
import { deaths, twoTokensThen } from '../deaths.ts'
import { read, readAll, readRaw, toPost, toSseEvents, type Answer, type Reader, type ReaderRequest } from '../reader.ts'
import { startServer, useStage, type RuntimeName } from '../server.ts'
import { toEach } from './tables.ts'

interface OpenAIError {
  readonly message: string
  readonly type: string
  readonly code: string
  readonly param: string | null
}

/** Checks that the text is exactly OpenAI's error envelope, and returns the error in it. */
function toError(text: string): OpenAIError {
  const { error, ...rest } = JSON.parse(text) as { error: OpenAIError }
  expect(rest).toEqual({})
  expect(Object.keys(error)).toEqual(['message', 'type', 'code', 'param'])
  expect(error.message).toMatch(/\w{3}/)
  return error
}

/** Reads an error that was sent before commit. */
async function readOpenAIError(reader: Reader) {
  const { text, ...answer } = await readAll(reader)
  expect(answer).toMatchObject({ ended: 'clean', headers: { 'content-type': 'application/json' } })
  return { ...answer, ...toError(text) }
}

/**
 * Reads an error that was sent after commit. It is the last event, and the stream has no other
 * terminal. Also returns the text before the error.
 */
function toLate(answer: Answer) {
  expect(answer).toMatchObject({ status: 200, ended: 'clean', headers: { 'content-type': 'text/event-stream' } })
  expect(answer.text).not.toMatch(/\[DONE\]|"finish_reason":"/)
  const events = toSseEvents(answer.text)
  const error = toError(events.pop()!.data)
  const chunks = events.map(({ data }) => JSON.parse(data) as Chunk)
  return { said: chunks.map(({ choices: [{ delta, text }] }) => text ?? delta?.content ?? '').join(''), ...error }
}
interface Chunk {
  readonly choices: readonly [{ readonly delta?: { readonly content?: string }; readonly text?: string }]
}

const chat = '/v1/chat/completions'
const ask = (model: string, stream = true): ReaderRequest => ({
  path: chat,
  body: { model, stream, messages: [{ role: 'user', content: 'Hi' }] },
})

type Early = ReaderRequest & { name: string; status: number; type: string; code: string }
const invalid = 'invalid_request_error'

const early: readonly Early[] = [
  { name: 'no JSON', path: chat, body: '{', status: 400, type: invalid, code: 'invalid_json' },
  { name: 'a wrong field', path: chat, body: {}, status: 400, type: invalid, code: 'invalid_request' },
  {
    name: 'a refused field',
    path: '/v1/completions',
    body: { prompt: 'a', n: 2 },
    status: 400,
    type: invalid,
    code: 'not_supported',
  },
  { name: 'nothing', path: '/v1/nothing', status: 404, type: 'not_found_error', code: 'not_found' },
  { name: 'a path with nothing', path: '/v1/files', body: {}, status: 404, type: 'not_found_error', code: 'not_found' },
  { name: 'a path with a slash too many', path: `${chat}/`, body: {}, status: 404, type: 'not_found_error', code: 'not_found' },
  { name: 'a chat by GET', path: chat, status: 405, type: invalid, code: 'method_not_allowed' },
  { name: 'models by POST', path: '/v1/models', body: {}, status: 405, type: invalid, code: 'method_not_allowed' },
  {
    name: 'a model by DELETE',
    path: '/v1/models/thinky',
    method: 'DELETE',
    status: 405,
    type: invalid,
    code: 'method_not_allowed',
  },
  { name: 'a large body', path: chat, body: 'x'.repeat(100_001), status: 413, type: invalid, code: 'body_too_large' },
  {
    name: 'a body in an unknown coding',
    path: '/v1/embeddings',
    body: '{}',
    headers: { 'content-encoding': 'compress' },
    status: 415,
    type: invalid,
    code: 'unsupported_encoding',
  },
  { name: 'an unknown model', ...ask('nobody'), status: 404, type: 'not_found_error', code: 'model_not_found' },
  {
    name: 'an unknown model, in one piece',
    ...ask('nobody', false),
    status: 404,
    type: 'not_found_error',
    code: 'model_not_found',
  },
  {
    name: 'a model that is not there',
    path: '/v1/models/me%2Fnobody',
    status: 404,
    type: 'not_found_error',
    code: 'model_not_found',
  },
]

/** Ollama 0.33 sends this error if the prompt is too long. It does not shorten the prompt. */
const tooLong =
  'the prompt is longer than the context length currently available to the model; shorten the prompt, adjust the context length in settings, or use a model with a longer context length'

/** Failures after the stream has opened. `said` is the text that comes before the failure. */
const late: readonly (readonly [code: string, type: string, said: string, script: Script])[] = [
  ['first_token_timeout', 'server_error', '', silent()],
  ['idle_timeout', 'server_error', ' token', thenSilent(1)],
  ['model_not_found', 'not_found_error', '', delayed(300, replay('error-chat-model-not-found'))],
  ['upstream_busy', 'server_error', '', delayed(300, replay('error-busy'))],
  ['upstream_rejected', invalid, '', delayed(300, replay('error-no-tools'))],
  ['context_length_exceeded', invalid, '', delayed(300, json({ error: tooLong }, 400))],
  ['upstream_unreachable', 'server_error', '', delayed(300, ({ reset }) => reset())],
  ['upstream_failed', 'server_error', '', delayed(300, lines(['{"error":"no memory"}']))],
  ['upstream_truncated', 'server_error', '', delayed(300, lines([]))],
  ['upstream_protocol', 'server_error', '', delayed(300, lines(['<html>']))],
  ['upstream_protocol', 'server_error', 'a', lines(['{"message":{"content":"a"}}', '[]'])],
  ['line_too_long', 'server_error', 'a', lines(['{"message":{"content":"a"}}', JSON.stringify({ long: 'x'.repeat(20_000) })])],
]

const isFailed = (fault: Fault): fault is Fault & { expect: FailedAnswer } => 'status' in fault.expect

/** Errors in OpenAI's envelope (docs/protocol.md#4-errors). */
export function describeOpenAIErrors(runtime: RuntimeName) {
  const each = toEach(runtime)
  describe('errors before commit', () => {
    // With this long grace, SSE commits only after the first token. So every failure before that
    // token can have its real status, even on a busy machine.
    const stage = useStage(runtime, { SLUICE_GRACE_MS: '10000', SLUICE_MAX_BODY_BYTES: '100000', SLUICE_MAX_STREAMS: '20' })
    const fail = (request: ReaderRequest) => readOpenAIError(read(stage.server, request))

    each(early)('$name is $status $type $code', async ({ name: _name, status, type, code, ...request }) => {
      const { headers, ...failure } = await fail(request)
      expect(failure).toMatchObject({ status, type, code })
      expect(headers['x-request-id']).toMatch(/^[\w.-]+$/)
      if (status === 405) expect(headers.allow).toBe(request.path === chat ? 'POST' : 'GET, HEAD')
    })

    test('two Host headers are forbidden_host', async () => {
      const reader = readRaw(stage.server, toPost(chat, '{}', ['Host: evil', 'Content-Length: 2']))
      await expect.poll(() => reader.text).toMatch(/^HTTP\/1\.1 403 [^]*"type":"permission_error","code":"forbidden_host"/)
      reader.socket.destroy()
    })

    test('a request without a model is no_model if Ollama has none', async () => {
      const nothing: Script = (exchange) => {
        exchange.head(200, { 'content-type': 'application/json', 'content-length': '13' })
        exchange.chunk('{"models":[]}')
        exchange.end()
      }
      const undo = ['GET /api/ps', 'GET /api/tags'].map((route) => stage.upstream.on(route, nothing))
      const failure = await fail({ path: '/v1/completions', body: { prompt: 'Hi' } })
      for (const step of undo) step()
      expect(failure).toMatchObject({ status: 503, type: 'server_error', code: 'no_model' })
      expect(failure.message).toContain('ollama pull')
    })

    test('a stream beyond the limit is too_many_streams, with Retry-After', async () => {
      const model = stage.upstream.script(thenSilent(1))
      const readers = Array.from({ length: 20 }, () => read(stage.server, ask(model)))
      for (const reader of readers) await reader.until((text) => text.includes('token'))
      for (const request of [ask('smollm2:135m'), { path: '/v1/models' }]) {
        const failure = await fail(request)
        expect(failure).toMatchObject({ status: 503, code: 'too_many_streams', headers: { 'retry-after': '5' } })
      }
      const seen = stage.upstream.requestsFor(model)
      for (const reader of readers) reader.leave()
      await Promise.all(seen.map(({ exchange }) => exchange.closedByReader))
      const again = () => readAll(read(stage.server, { path: '/v1/models' }))
      await expect.poll(again, { interval: 50 }).toMatchObject({ status: 200 })
    })

    each([
      [chat, { messages: [{ role: 'user', content: 'Hi' }] }],
      ['/v1/completions', { prompt: 'Hi' }],
      ['/v1/responses', { input: 'Hi' }],
      ['/v1/embeddings', { input: 'Hi' }],
      ['/ollama/v1/completions', { prompt: 'Hi' }],
    ])('a prompt that is longer than the context is context_length_exceeded at %s', async (path, body) => {
      const model = stage.upstream.script(json({ error: tooLong }, 400))
      for (const stream of [true, false]) {
        const failure = await fail({ path, body: { model, ...body, stream } })
        expect(failure).toMatchObject({ status: 400, type: invalid, code: 'context_length_exceeded', message: tooLong })
      }
    })

    each(upstreamErrors)('$recording: $status $code', async ({ recording, status, code, message, retryAfter }) => {
      const model = stage.upstream.script(replay(recording))
      for (const stream of [true, false]) {
        const failure = await fail(ask(model, stream))
        expect(failure).toMatchObject({ status, code, param: null })
        if (message !== undefined) expect(failure.message).toMatch(message)
        if (retryAfter) expect(Number(failure.headers['retry-after'])).toBe(retryAfter[0])
      }
    })

    each(faults.filter((fault) => isFailed(fault) && fault.when === 'before-first-token').filter(isFailed))(
      '$id $name',
      async ({ script, expect: expected }) => {
        const { status, code } = await fail(ask(stage.upstream.script(script)))
        expect(status).toBe(expected.status)
        expect([expected.code, expected.orCode]).toContain(code)
      },
    )

    test.each(deaths)('an upstream that %s in the middle of an answer in one piece: 502 %s', async (_name, code, end) => {
      const model = stage.upstream.script(twoTokensThen(end))
      const failure = fail(ask(model, false))
      ;(await stage.upstream.next(model)).exchange.pass()
      expect(await failure).toMatchObject({ status: 502, type: 'server_error', code })
    })
  })

  // These tests mostly wait, so they run at the same time.
  describe.concurrent('errors after commit', () => {
    const stage = useStage(runtime, {
      SLUICE_GRACE_MS: '0',
      SLUICE_HEARTBEAT_MS: '200',
      SLUICE_FIRST_TOKEN_TIMEOUT_MS: '1500',
      SLUICE_IDLE_TIMEOUT_MS: '600',
      SLUICE_TOTAL_TIMEOUT_MS: '2000',
      SLUICE_MAX_LINE_BYTES: '10000',
    })

    test.each(late)('%s has the type %s, after the text "%s"', async (code, type, said, script) => {
      const answer = await readAll(read(stage.server, ask(stage.upstream.script(script))))
      expect(toLate(answer)).toMatchObject({ code, type, said, param: null })
    })

    test('a stream that exceeds the total timeout ends with total_timeout', async () => {
      const model = stage.upstream.script(tokens({ count: 5000, perSecond: 20 }))
      expect(toLate(await readAll(read(stage.server, ask(model))))).toMatchObject({
        code: 'total_timeout',
        type: 'server_error',
      })
    })

    test('a cancel ends a stream with cancelled, and an answer in one piece with 499', async () => {
      for (const stream of [true, false]) {
        const model = stage.upstream.script(thenSilent(1))
        const reader = read(stage.server, { ...ask(model, stream), headers: { 'x-request-id': `cancel-${stream}` } })
        await stage.upstream.next(model)
        if (stream) await reader.until((text) => text.includes('token'))
        await readAll(read(stage.server, { path: `/ollama/cancel/cancel-${stream}` }))
        if (stream) expect(toLate(await readAll(reader))).toMatchObject({ code: 'cancelled', said: ' token' })
        else expect(await readOpenAIError(reader)).toMatchObject({ status: 499, code: 'cancelled' })
      }
    })

    test.each(deaths)('an upstream that %s: %s, in a chat and in a completion', async (_name, code, end) => {
      for (const path of [chat, '/v1/completions']) {
        const model = stage.upstream.script(twoTokensThen(end))
        const body = { model, stream: true, prompt: 'Hi', messages: [{ role: 'user', content: 'Hi' }] }
        const reader = read(stage.server, { path, body })
        await reader.until((text) => text.includes(' two'))
        ;(await stage.upstream.next(model)).exchange.pass()
        expect(toLate(await readAll(reader))).toMatchObject({ code, type: 'server_error', said: 'One two' })
      }
    })

    each(faults.filter((fault) => isFailed(fault) && fault.when === 'after-first-token').filter(isFailed))(
      '$id $name',
      async ({ script, text, expect: expected }) => {
        const model = stage.upstream.script(script)
        const reader = read(stage.server, ask(model))
        await reader.until((said) => said.includes('três'))
        ;(await stage.upstream.next(model)).exchange.pass()
        const { said, code } = toLate(await readAll(reader))
        expect(said).toBe(text)
        expect([expected.code, expected.orCode]).toContain(code)
      },
    )
  })

  // Workers have no signals.
  test.skipIf(runtime === 'worker')(
    'a shutdown gives shutting_down, before commit as a status and after it in the stream',
    async () => {
      const upstream = await startUpstream()
      const server = await startServer(runtime, { OLLAMA_HOST: upstream.url, SLUICE_SHUTDOWN_GRACE_MS: '1500' })
      try {
        const model = upstream.script(thenSilent(1))
        const reader = read(server, ask(model))
        await reader.until((text) => text.includes('token'))
        server.signal('SIGTERM')
        await expect.poll(async () => (await readAll(read(server, { path: '/readyz' }))).status).toBe(503)
        expect(await readOpenAIError(read(server, ask(model)))).toMatchObject({ status: 503, code: 'shutting_down' })
        expect(toLate(await readAll(reader))).toMatchObject({ type: 'server_error', code: 'shutting_down', said: ' token' })
      } finally {
        await server.stop()
        await upstream.close()
      }
    },
  )
}
