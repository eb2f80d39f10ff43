import { describe, expect, test } from 'vitest'
import { toMessage, toUpstreamError } from '../../src/upstreams/upstream-error.ts'
import { loadRecording } from '#fake-ollama/recording.ts'
import { upstreamErrors } from '#fake-ollama/upstream-errors.ts'

const noHeaders = new Headers()
const says = (error: unknown) => JSON.stringify({ error })

function toAnswer(status: number, body: string, retryAfter?: string) {
  const headers = new Headers(retryAfter === undefined ? {} : { 'retry-after': retryAfter })
  const { code, status: told, message, retryAfterSeconds } = toUpstreamError(status, headers, body)
  return { code, status: told, message, retryAfterSeconds }
}

describe('a status', () => {
  test.each([
    // The columns: Ollama's status and body, and the code, status and message for the reader.
    [400, says('bad thing'), 'upstream_rejected', 400, 'bad thing'],
    [400, '', 'upstream_rejected', 400, /status 400/],
    [400, '{"message":"no error field"}', 'upstream_rejected', 400, /status 400/],
    [400, '[1', 'upstream_rejected', 400, /status 400/],
    [400, 'null', 'upstream_rejected', 400, /status 400/],
    [400, '"text"', 'upstream_rejected', 400, /status 400/],
    [400, says('the input length exceeds the context length'), 'invalid_request', 400, /input length/],
    [400, says('a context of a prompt'), 'upstream_rejected', 400, 'a context of a prompt'],
    [500, says('the prompt is longer than the context length'), 'upstream_failed', 502, /longer/],
    [401, says('unauthorized'), 'upstream_rejected', 401, 'unauthorized'],
    [401, '', 'upstream_rejected', 401, /OLLAMA_API_KEY, or OLLAMA_API_KEY_ and the name/],
    [403, '', 'upstream_rejected', 403, /OLLAMA_ORIGINS.*OLLAMA_HOST or OLLAMA_HOSTS/],
    [403, says('this model requires a subscription'), 'upstream_rejected', 403, 'this model requires a subscription'],
    [404, says("model 'x' not found"), 'model_not_found', 404, "model 'x' not found"],
    [404, says('model "x" not found, try pulling it first'), 'model_not_found', 404, /try pulling/],
    [404, says('blob not found'), 'upstream_rejected', 404, 'blob not found'],
    [404, '404 page not found', 'upstream_protocol', 502, /not Ollama/],
    [404, '<html>nginx</html>', 'upstream_protocol', 502, /not Ollama/],
    [404, '', 'upstream_protocol', 502, /OLLAMA_HOST or OLLAMA_HOSTS.*not Ollama/],
    [405, '405 method not allowed', 'upstream_rejected', 405, /status 405/],
    [418, says('teapot'), 'upstream_rejected', 418, 'teapot'],
    [499, says('cancelled'), 'upstream_rejected', 499, 'cancelled'],
    [500, says("model 'x' not found"), 'upstream_failed', 502, "model 'x' not found"],
    [500, says('runner died'), 'upstream_failed', 502, 'runner died'],
    [500, '', 'upstream_failed', 502, /status 500/],
    [502, '<h1>Bad Gateway</h1>', 'upstream_failed', 502, /status 502/],
    [504, says('slow'), 'upstream_failed', 502, 'slow'],
    [599, '{"error":{"message":"inner","code":7}}', 'upstream_failed', 502, 'inner'],
    [429, says('slow down'), 'upstream_busy', 429, 'slow down'],
    [503, says('server busy'), 'upstream_busy', 503, 'server busy'],
    [503, '', 'upstream_busy', 503, /busy/],
    [100, '', 'upstream_protocol', 502, /status 100.*OLLAMA_HOST or OLLAMA_HOSTS/],
    [304, '', 'upstream_protocol', 502, /redirect.*OLLAMA_HOST or OLLAMA_HOSTS/],
    ...[301, 302, 303, 307, 308].map((status) => [status, says('moved'), 'upstream_protocol', 502, /redirect/] as const),
  ] as const)('%d with %j is %s', (status, body, code, told, message) => {
    const answer = toAnswer(status, body)
    expect(answer).toMatchObject({ code, status: told })
    if (typeof message === 'string') expect(answer.message).toBe(message)
    else expect(answer.message).toMatch(message)
  })

  test.each(upstreamErrors)(
    'of the recording $recording is $code',
    ({ recording: name, code, status, message, retryAfter }) => {
      const recording = loadRecording(name)
      const body = recording.chunks.map(([, text]) => text).join('')
      const answer = toUpstreamError(recording.status, new Headers(recording.headers), body)
      expect(answer).toMatchObject({ code, status })
      if (message instanceof RegExp) expect(answer.message).toMatch(message)
      else if (message !== undefined) expect(answer.message).toContain(message)
      if (retryAfter) expect(answer.retryAfterSeconds).toBe(retryAfter[0])
    },
  )
})

test('a prompt that is longer than the context is marked, for a dialect that has a code for it', () => {
  const message =
    'the prompt is longer than the context length currently available to the model; shorten the prompt, adjust the context length in settings, or use a model with a longer context length'
  const error = toUpstreamError(400, noHeaders, says(message))
  expect(error).toMatchObject({ code: 'invalid_request', status: 400, reason: 'context_length_exceeded', message })
  expect(toUpstreamError(400, noHeaders, says('invalid model name')).reason).toBeUndefined()
})

describe('Retry-After', () => {
  const inTwentySeconds = () => new Date(Date.now() + 20_000).toUTCString()

  test.each([
    ['absent', undefined, 1],
    ['seconds', '7', 7],
    ['zero', '0', 1],
    ['an hour', '3600', 3600],
    ['more than an hour', '999999', 3600],
    ['absurd', '9'.repeat(400), 3600],
    ['negative', '-5', 1],
    ['a fraction', '1.5', 1],
    ['no number', 'abc', 1],
    ['empty', '', 1],
    ['a date long gone', 'Wed, 21 Oct 2015 07:28:00 GMT', 1],
    ['a date far ahead', 'Fri, 01 Jan 2100 00:00:00 GMT', 3600],
  ])('%s', (_, value, seconds) => {
    expect(toAnswer(503, '', value).retryAfterSeconds).toBe(seconds)
    expect(toAnswer(429, '', value).retryAfterSeconds).toBe(seconds)
  })

  test('of a date becomes the seconds until then', () => {
    const { retryAfterSeconds } = toAnswer(503, '', inTwentySeconds())
    expect(retryAfterSeconds).toBeGreaterThanOrEqual(18)
    expect(retryAfterSeconds).toBeLessThanOrEqual(20)
  })

  test('is kept only for a busy upstream', () => {
    expect(toAnswer(500, '', '7').retryAfterSeconds).toBeUndefined()
    expect(toAnswer(400, '', '7').retryAfterSeconds).toBeUndefined()
  })
})

describe('a message', () => {
  test.each([
    ["model 'llama3.2:1b' not found"],
    ["model 'qwen2.5:72b' not found"],
    ["model 'registry.ollama.ai/library/gemma3:270m' not found"],
    ['option "temperature" must be of type float32'],
    ['llama runner process has terminated: exit status 2'],
    ['requires 5.6 GiB, 1.2 available'],
    ['unexpected EOF'],
    ['invalid format: expected <string>'],
    ['数据错误 – erreur'],
  ])('is kept: %s', (message) => {
    expect(toMessage(message)).toBe(message)
  })

  test.each([
    ['Post "http://127.0.0.1:35711/completion": EOF', 'Post "[address]": EOF'],
    ['dial tcp 10.0.0.7:11434: connect: connection refused', 'dial tcp [address]: connect: connection refused'],
    ['read tcp 127.0.0.1:50000->127.0.0.1:11434: reset', 'read tcp [address]->[address]: reset'],
    ['dial tcp [::1]:11434: refused', 'dial tcp [address]: refused'],
    ['dial tcp [fe80::1]: refused', 'dial tcp [address]: refused'],
    ['lookup gpu-7.internal.example:8080 failed', 'lookup [address] failed'],
    ['localhost:11434 is down', '[address] is down'],
    ['see HTTPS://User:Secret@Host.example/a?b=c', 'see [address]'],
    ['unix:///var/run/x.sock is gone', '[address] is gone'],
    ['10.1.2.3', '[address]'],
  ])('loses its addresses: %s', (message, told) => {
    expect(toMessage(message)).toBe(told)
  })

  test('loses its stack: what is below the first line', () => {
    expect(toMessage('panic: boom\n\ngoroutine 1 [running]:\nmain.go:7')).toBe('panic: boom')
    expect(toMessage('boom\r\n  at f (/srv/x.js:1:2)')).toBe('boom')
    expect(toMessage('\n\n  boom  \n')).toBe('boom')
  })

  test('is absent if the body is HTML, empty or without a text', () => {
    for (const error of [
      '<html>',
      '  <!doctype html><title>502</title>',
      '',
      ' \n ',
      7,
      null,
      undefined,
      [],
      {},
      { message: 7 },
    ])
      expect(toMessage(error)).toBeUndefined()
  })

  test('is the `message` of an object', () => {
    expect(toMessage({ message: 'inner', stack: 'at x' })).toBe('inner')
  })

  test('is cut at 1000 characters', () => {
    expect(toMessage('x'.repeat(5000))).toBe('x'.repeat(1000))
    expect(toMessage(`${'x'.repeat(990)} http://host.example/path`)).toBe(`${'x'.repeat(990)} [address]`)
  })

  test.each(['a.', 'a-', '1.', '[:', 'http:', 'a.b:', '::::', 'model '])('takes linear time to redact: 4 MB of %j', (part) => {
    const text = part.repeat(4_000_000 / part.length)
    const start = performance.now()
    toMessage(text)
    toUpstreamError(404, noHeaders, says(text))
    expect(performance.now() - start).toBeLessThan(3000)
  })
})
