import { describe, expect, test } from 'vitest'
import { readMessage } from '../../dialects/anthropic/read-message.ts'
import type { FailedAnswer, Fault } from '#fake-ollama/fault.ts'
import { faults } from '#fake-ollama/faults.ts'
import { delayed, json, lines, replay, silent, thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Script } from '#fake-ollama/upstream.ts'
import { upstreamErrors } from '#fake-ollama/upstream-errors.ts'
import { read, readAll, readRaw, toPost, type Answer, type ReaderRequest } from '../reader.ts'
import { startServer, useStage, type RuntimeName } from '../server.ts'
import { toEach } from './tables.ts'

const path = '/v1/messages'
const ask = (model: string, stream: boolean) => ({
  path,
  body: { model, stream, max_tokens: 50, messages: [{ role: 'user', content: 'Hi' }] },
})

interface Envelope {
  readonly type: string
  readonly error: { readonly type: string; readonly message: string; readonly code: string }
  readonly request_id: string
}

/**
 * Checks that the value is exactly Anthropic's error envelope. Its request id must be in both
 * headers: in `x-request-id`, and in `request-id`, which Anthropic's clients read.
 */
function toError(envelope: unknown, { headers }: Pick<Answer, 'headers'>) {
  const { error, ...rest } = envelope as Envelope
  expect(rest).toEqual({ type: 'error', request_id: headers['x-request-id'] })
  expect(headers['request-id']).toBe(headers['x-request-id'])
  expect(Object.keys(error)).toEqual(['type', 'message', 'code'])
  expect(error.message).toMatch(/\w{3}/)
  return error
}

/** Reads an error that was sent before commit. */
function toEarly(answer: Answer) {
  expect(answer.ended).toBe('clean')
  expect(answer.headers['content-type']).toBe('application/json')
  return { status: answer.status, ...toError(JSON.parse(answer.text), answer) }
}

/**
 * Reads an error that was sent after commit. It is the last event, and the stream has no other
 * terminal.
 */
function toLate(answer: Answer) {
  expect(answer).toMatchObject({ status: 200, ended: 'clean', headers: { 'content-type': 'text/event-stream' } })
  expect(answer.text).not.toMatch(/message_delta|message_stop/)
  expect(answer.text).toMatch(/\nevent: error\ndata: .*\n\n$/)
  const [message] = readMessage([Buffer.from(answer.text)])
  const text = message!.content.flatMap(({ pieces }) => pieces).join('')
  return { text, ...toError(message!.error, answer) }
}

type Early = ReaderRequest & { name: string; status: number; type: string; code: string }

const early: readonly Early[] = [
  { name: 'no JSON', path, body: '{', status: 400, type: 'invalid_request_error', code: 'invalid_json' },
  { name: 'a wrong field', path, body: {}, status: 400, type: 'invalid_request_error', code: 'invalid_request' },
  {
    name: 'a refused field',
    ...ask('any', true),
    path: '/v1/messages/count_tokens',
    status: 400,
    type: 'invalid_request_error',
    code: 'not_supported',
  },
  { name: 'a path with nothing', path: `${path}/batches`, status: 404, type: 'not_found_error', code: 'not_found' },
  { name: 'a wrong method', path, status: 405, type: 'invalid_request_error', code: 'method_not_allowed' },
  {
    name: 'a body beyond the limit',
    path,
    body: 'x'.repeat(100_001),
    status: 413,
    type: 'request_too_large',
    code: 'body_too_large',
  },
  {
    name: 'a body in an unknown coding',
    path,
    body: '{}',
    headers: { 'content-encoding': 'compress' },
    status: 415,
    type: 'invalid_request_error',
    code: 'unsupported_encoding',
  },
  { name: 'an unknown model', ...ask('nobody', true), status: 404, type: 'not_found_error', code: 'model_not_found' },
  {
    name: 'an unknown model, in one piece',
    ...ask('nobody', false),
    status: 404,
    type: 'not_found_error',
    code: 'model_not_found',
  },
]

/** Failures after the stream has opened. `text` is the text that comes before the failure. */
const late: readonly (readonly [code: string, type: string, text: string, script: Script])[] = [
  ['first_token_timeout', 'timeout_error', '', silent()],
  ['idle_timeout', 'timeout_error', ' token', thenSilent(1)],
  ['model_not_found', 'not_found_error', '', delayed(300, replay('error-chat-model-not-found'))],
  ['upstream_busy', 'overloaded_error', '', delayed(300, replay('error-busy'))],
  ['upstream_rejected', 'invalid_request_error', '', delayed(300, replay('error-no-tools'))],
  ['upstream_unreachable', 'api_error', '', delayed(300, ({ reset }) => reset())],
  ['upstream_failed', 'api_error', '', delayed(300, lines(['{"error":"no memory"}']))],
  ['upstream_truncated', 'api_error', '', delayed(300, lines([]))],
  ['upstream_protocol', 'api_error', '', delayed(300, lines(['<html>']))],
  ['upstream_protocol', 'api_error', 'a', lines(['{"message":{"content":"a"}}', '[]'])],
  [
    'line_too_long',
    'api_error',
    'a',
    lines(['{"message":{"content":"a"}}', `{"message":{"content":"${'x'.repeat(20_000)}"}}`]),
  ],
]

/** Errors in Anthropic's envelope (docs/protocol.md#4-errors). */
export function describeAnthropicErrors(runtime: RuntimeName) {
  const each = toEach(runtime)
  describe('errors before commit', () => {
    // With this long grace, SSE commits only after the first token. So every failure before that
    // token can have its real status, even on a busy machine.
    const stage = useStage(runtime, { SLUICE_GRACE_MS: '10000', SLUICE_MAX_BODY_BYTES: '100000', SLUICE_MAX_STREAMS: '20' })

    each(early)('$name is $status $type $code', async ({ name: _name, status, type, code, ...request }) => {
      const before = stage.upstream.requests.length
      const answer = await readAll(read(stage.server, request))
      expect(toEarly(answer)).toMatchObject({ status, type, code })
      expect(stage.upstream.requests.length - before).toBe(code === 'model_not_found' ? 1 : 0)
      if (status === 405) expect(answer.headers.allow).toBe('POST')
    })

    test('the caller’s own request id is in the envelope', async () => {
      const headers = { 'x-request-id': 'My.own_id-1' }
      expect(toEarly(await readAll(read(stage.server, { path, body: {}, headers })))).toMatchObject({ status: 400 })
    })

    test('a request with two Host headers is forbidden_host', async () => {
      const reader = readRaw(stage.server, toPost(path, '{}', ['Host: evil', 'Content-Length: 2']))
      await expect.poll(() => reader.text).toMatch(/^HTTP\/1\.1 403 [^]*"type":"permission_error"[^]*"code":"forbidden_host"/)
      reader.socket.destroy()
    })

    test('a request beyond SLUICE_MAX_STREAMS is too_many_streams with Retry-After', async () => {
      const model = stage.upstream.script(thenSilent(1))
      const readers = Array.from({ length: 20 }, () => read(stage.server, ask(model, true)))
      await Promise.all(readers.map((reader) => reader.until((text) => text.includes(' token'))))
      for (const stream of [true, false]) {
        const answer = await readAll(read(stage.server, ask(model, stream)))
        expect(toEarly(answer)).toMatchObject({ status: 503, type: 'overloaded_error', code: 'too_many_streams' })
        expect(answer.headers['retry-after']).toBe('5')
      }
      for (const reader of readers) reader.leave()
      await expect.poll(() => stage.upstream.open).toBe(0)
    })

    test('no model at all is no_model', async () => {
      const none: Script = (exchange) => {
        exchange.head(200, { 'content-type': 'application/json' })
        exchange.chunk('{"models":[]}')
        exchange.end()
      }
      const undo = [stage.upstream.on('GET /api/ps', none), stage.upstream.on('GET /api/tags', none)]
      const { body, ...rest } = ask('', true)
      const answer = await readAll(read(stage.server, { ...rest, body: { ...body, model: null } }))
      expect(toEarly(answer)).toMatchObject({ status: 503, type: 'api_error', code: 'no_model' })
      for (const restore of undo) restore()
    })

    test('a prompt that is longer than the context is an invalid request', async () => {
      const error = 'the prompt is longer than the context length currently available to the model; shorten the prompt'
      const model = stage.upstream.script(json({ error }, 400))
      for (const stream of [true, false])
        expect(toEarly(await readAll(read(stage.server, ask(model, stream))))).toMatchObject({
          status: 400,
          type: 'invalid_request_error',
          code: 'invalid_request',
          message: error,
        })
    })

    each(upstreamErrors)('Ollama’s $recording is $code', async ({ recording, status, code, message, retryAfter }) => {
      const model = stage.upstream.script(replay(recording))
      for (const stream of [true, false]) {
        const answer = await readAll(read(stage.server, ask(model, stream)))
        const error = toEarly(answer)
        expect(error).toMatchObject({ status, code })
        if (message instanceof RegExp) expect(error.message).toMatch(message)
        else if (message) expect(error.message).toBe(message)
        expect(answer.headers['retry-after']).toBe(retryAfter ? String(retryAfter[0]) : undefined)
      }
    })

    // docs/faults.md#F12 sends lines of 50 MB. It is not used here, because a test below checks the
    // same with smaller lines.
    const failing = faults.filter(
      (fault): fault is Fault & { expect: FailedAnswer } => 'code' in fault.expect && fault.id !== 'F12',
    )
    each(failing)('$id: $name is the error $expect.code', async ({ script, when, text, expect: expected }) => {
      const isCommitted = when === 'after-first-token'
      const codes = [expected.code, expected.orCode ?? expected.code]
      const [streamed, whole] = await Promise.all(
        [true, false].map(async (stream) => {
          const model = stage.upstream.script(script)
          const reader = read(stage.server, ask(model, stream))
          if (isCommitted && stream) {
            const { exchange } = await stage.upstream.next(model)
            await reader.until((said) => said.includes('três'))
            exchange.pass()
          }
          return readAll(reader)
        }),
      )
      const early = toEarly(whole!)
      expect(codes).toContain(early.code)
      expect(early.status).toBe(expected.status)
      const told = isCommitted ? toLate(streamed!) : { text: '', ...toEarly(streamed!) }
      expect(codes).toContain(told.code)
      expect(told.text).toBe(text)
    })

    test('no upstream connection stays open after these errors', async () => {
      await expect.poll(() => stage.upstream.open).toBe(0)
    })
  })

  // These tests mostly wait, so they run at the same time.
  describe.concurrent('errors after commit', () => {
    const stage = useStage(runtime, {
      SLUICE_GRACE_MS: '100',
      SLUICE_HEARTBEAT_MS: '100',
      SLUICE_FIRST_TOKEN_TIMEOUT_MS: '1200',
      SLUICE_IDLE_TIMEOUT_MS: '600',
      SLUICE_TOTAL_TIMEOUT_MS: '2000',
      SLUICE_MAX_LINE_BYTES: '10000',
    })

    test.each(late)(
      '%s is an error event of type %s after the text "%s", and the last event',
      async (code, type, text, script) => {
        const answer = await readAll(read(stage.server, ask(stage.upstream.script(script), true)))
        expect(toLate(answer)).toMatchObject({ code, type, text })
      },
    )

    test('total_timeout between tokens is an error event too', async () => {
      const model = stage.upstream.script(tokens({ count: 1000, perSecond: 20 }))
      const answer = await readAll(read(stage.server, ask(model, true)))
      expect(toLate(answer)).toMatchObject({
        code: 'total_timeout',
        type: 'timeout_error',
        text: expect.stringMatching(/^(?: token)+$/),
      })
    })

    test('cancelled is an error event too', async () => {
      const model = stage.upstream.script(tokens({ count: 1000, perSecond: 20 }))
      const reader = read(stage.server, { ...ask(model, true), headers: { 'x-request-id': `cancel-${runtime}` } })
      await reader.until((said) => said.includes(' token'))
      expect(await readAll(read(stage.server, { path: `/ollama/cancel/cancel-${runtime}` }))).toMatchObject({ status: 204 })
      expect(toLate(await readAll(reader))).toMatchObject({ code: 'cancelled', type: 'api_error' })
    })

    test('pings keep a silent stream alive, before the first token and between tokens', async () => {
      const [first, between] = await Promise.all(
        [silent(), thenSilent(1)].map((script) => readAll(read(stage.server, ask(stage.upstream.script(script), true)))),
      )
      const pings = /(?:event: ping\ndata: {"type":"ping"}\n\n){2,}event: error\n/
      expect(first!.text).toMatch(RegExp(`^:\\n${pings.source}`))
      expect(between!.text).toMatch(RegExp(` token.*\\n\\n${pings.source}`))
    })
  })

  // Workers have no signals.
  test.skipIf(runtime === 'worker')('shutting_down, before commit and after it', async () => {
    const upstream = await startUpstream()
    const server = await startServer(runtime, { OLLAMA_HOST: upstream.url, SLUICE_SHUTDOWN_GRACE_MS: '1500' })
    try {
      const model = upstream.script(thenSilent(1))
      const reader = read(server, ask(model, true))
      await reader.until((text) => text.includes(' token'))
      server.signal('SIGTERM')
      await expect.poll(async () => (await readAll(read(server, { path: '/readyz' }))).status).toBe(503)
      const refused = await readAll(read(server, ask(model, true)))
      expect(toEarly(refused)).toMatchObject({ status: 503, type: 'overloaded_error', code: 'shutting_down' })
      expect(toLate(await readAll(reader))).toMatchObject({ type: 'overloaded_error', code: 'shutting_down', text: ' token' })
    } finally {
      await server.stop()
      await upstream.close()
    }
  })
}
