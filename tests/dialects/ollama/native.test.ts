import { describe, expect, test } from 'vitest'
import { createNative } from '../../../src/dialects/ollama/native.ts'
import { folded } from '../../../src/encoders/folded.ts'
import { ndjson } from '../../../src/encoders/ndjson.ts'
import { sse, sseWithStatus } from '../../../src/encoders/sse.ts'
import { text } from '../../../src/encoders/text.ts'
import { ServiceError, type Issue } from '../../../src/errors.ts'
import { loadRecording, recordingNames } from '#fake-ollama/recording.ts'

type Body = Record<string, unknown>
type Path = '/api/generate' | '/api/chat'
const native = createNative({ management: false })
const parse = (path: Path, body: Body, accept?: string) => native.generations[path]!({ accept, canCut: true, body })
const parseQuestion = (about: 'show' | 'embed' | 'embeddings', body: Body) =>
  native.questions[`POST /api/${about}`]!({ params: {}, body })

/** The issues of a refusal; none if it was accepted. */
function issuesOf(step: () => unknown): Issue[] {
  try {
    step()
    return []
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error
    expect(error).toMatchObject({ code: 'invalid_request', status: 400 })
    expect(error.issues!.length).toBeGreaterThan(0)
    expect(error.message).toContain(error.issues![0]!.message)
    return error.issues!
  }
}

const message = (more: object) => ({ messages: [{ role: 'user', content: 'hi', ...more }] })

describe('a call', () => {
  test.each(['generate', 'chat'] as const)(
    'of %s passes the body on as it is, fields that nobody knows included',
    (endpoint) => {
      const body = { model: 'm', prompt: 'hi', messages: [], odd: { a: [1] }, options: { odd: 'x' }, stream: true }
      expect(parse(`/api/${endpoint}`, body).call).toEqual({ endpoint, model: 'm', body })
    },
  )

  test.each([[{}], [{ model: null }]])('without a model leaves it open: %j', (body) => {
    expect(parse('/api/generate', body).call.model).toBeUndefined()
  })

  test('has the framing that `stream` and Accept ask for', () => {
    const framingOf = (body: Body, accept?: string) => parse('/api/generate', body, accept).encoder
    expect(framingOf({})).toBe(sse)
    expect(framingOf({ stream: null })).toBe(sse)
    expect(framingOf({ stream: true }, 'application/x-ndjson')).toBe(ndjson)
    expect(framingOf({ stream: false }, 'text/event-stream')).toBe(folded)
    expect(framingOf({ stream: false }, 'text/plain')).toBe(folded)
    expect(framingOf({}, 'text/plain')).toBe(text)
  })

  test('is SSE where a response cannot be broken, because text could not tell a failure there', () => {
    const request = { accept: 'text/plain', canCut: false, body: { model: 'm' } }
    expect(native.generations['/api/generate']!(request).encoder).toBe(sse)
  })

  test('has no text where it shows progress', () => {
    const pull = createNative({ management: true }).generations['/api/pull']!
    expect(pull({ accept: 'text/plain', canCut: true, body: { model: 'm' } }).encoder).toBe(sse)
  })

  test('tells of its wait where SSE is asked to, and nowhere else', () => {
    const all = createNative({ management: true }).generations
    const framingOf = (path: keyof typeof all, body: Body, accept?: string, prefer = 'status') =>
      all[path]!({ accept, prefer, canCut: true, body: { model: 'm', ...body } }).encoder
    expect(framingOf('/api/generate', {})).toBe(sseWithStatus)
    expect(framingOf('/api/chat', {}, 'text/event-stream', 'respond-async, Status')).toBe(sseWithStatus)
    expect(framingOf('/api/chat', {}, undefined, 'statuses')).toBe(sse)
    expect(framingOf('/api/chat', {}, 'application/x-ndjson')).toBe(ndjson)
    expect(framingOf('/api/chat', { stream: false })).toBe(folded)
    for (const path of ['/api/pull', '/api/push', '/api/create'] as const) expect(framingOf(path, {})).toBe(sse)
  })

  const requests = recordingNames().filter((name) => {
    const { request, status } = loadRecording(name)
    return status === 200 && ['/api/generate', '/api/chat'].includes(request.path)
  })
  test.each(requests)('as recorded is accepted: %s', (name) => {
    const { path, body } = loadRecording(name).request
    expect(parse(path as Path, body as Body).call.body).toBe(body)
  })
})

describe('accepted', () => {
  test.each<[string, Path, Body]>([
    ['nothing at all', '/api/generate', {}],
    [
      'null for every field',
      '/api/generate',
      { model: null, prompt: null, images: null, options: null, format: null, think: null, keep_alive: null, context: null },
    ],
    ['an empty prompt, which loads the model', '/api/generate', { prompt: '' }],
    ['negative numbers', '/api/generate', { options: { num_predict: -1, seed: -5, temperature: -0.5 }, keep_alive: -1 }],
    ['an integer as 1.0', '/api/generate', { options: { seed: 1.0 } }],
    ['a duration', '/api/generate', { keep_alive: '5m' }],
    ['format json', '/api/generate', { format: 'json' }],
    ['an empty format', '/api/generate', { format: '' }],
    ['a JSON schema', '/api/generate', { format: { type: 'object', properties: {} } }],
    ['thinking', '/api/generate', { think: true }],
    ['a level of thinking', '/api/generate', { think: 'high' }],
    ['an image', '/api/generate', { images: ['aGVsbG8='] }],
    ['a context', '/api/generate', { context: [1, 2, 3] }],
    ['stop words', '/api/generate', { options: { stop: ['a', ''] } }],
    ['options of its own', '/api/generate', { options: { mirostat: 'anything' } }],
    ['no messages, which loads the model', '/api/chat', { messages: [] }],
    [
      'a message without content',
      '/api/chat',
      { messages: [{ role: 'assistant', tool_calls: [{ function: { name: 'f', arguments: {} } }] }] },
    ],
    ['null content', '/api/chat', message({ content: null })],
    [
      'every role',
      '/api/chat',
      { messages: ['system', 'user', 'assistant', 'tool', 'developer'].map((role) => ({ role, content: '' })) },
    ],
    ['an image in a message', '/api/chat', message({ images: ['aGVsbG8='] })],
    [
      'a tool',
      '/api/chat',
      { tools: [{ type: 'function', function: { name: 'f', description: 'd', parameters: { type: 'object' } } }] },
    ],
    [
      'a tool call with unknown fields',
      '/api/chat',
      message({ tool_calls: [{ id: 'x', function: { index: 0, name: 'f', arguments: { a: 1 } } }] }),
    ],
  ])('%s', (_, path, body) => {
    expect(issuesOf(() => parse(path, body))).toEqual([])
  })

  test.each([
    'gemma3',
    'gemma3:270m',
    'llama3.2:1b',
    'qwen2.5-coder:7b-instruct-q4_K_M',
    'library/gemma3',
    'user_name/my-model:latest',
    'registry.ollama.ai/library/gemma3:270m',
    'localhost:5000/ns/model:tag',
    'hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M',
    '_x',
    '7b',
    'm'.repeat(256),
  ])('model %s', (model) => {
    expect(parse('/api/generate', { model }).call.model).toBe(model)
  })
})

describe('refused', () => {
  test.each<[string, Path, Body, string]>([
    ['a number as prompt', '/api/generate', { prompt: 1 }, 'prompt'],
    ['an array as prompt', '/api/generate', { prompt: ['a'] }, 'prompt'],
    ['a text as stream', '/api/generate', { stream: 'false' }, 'stream'],
    ['a number as stream', '/api/generate', { stream: 0 }, 'stream'],
    ['a text as options', '/api/generate', { options: 'x' }, 'options'],
    ['an array as options', '/api/generate', { options: [] }, 'options'],
    ['a text as temperature', '/api/generate', { options: { temperature: 'hot' } }, 'options.temperature'],
    ['a fraction as seed', '/api/generate', { options: { seed: 1.5 } }, 'options.seed'],
    ['a text as num_ctx', '/api/generate', { options: { num_ctx: '4096' } }, 'options.num_ctx'],
    ['a text as stop', '/api/generate', { options: { stop: 'x' } }, 'options.stop'],
    ['a number among stop words', '/api/generate', { options: { stop: ['a', 1] } }, 'options.stop.1'],
    ['another format', '/api/generate', { format: 'xml' }, 'format'],
    ['an array as format', '/api/generate', { format: [] }, 'format'],
    ['an unknown level of thinking', '/api/generate', { think: 'deep' }, 'think'],
    ['a number as thinking', '/api/generate', { think: 1 }, 'think'],
    ['an object as keep_alive', '/api/generate', { keep_alive: {} }, 'keep_alive'],
    ['a data URL as image', '/api/generate', { images: ['data:image/png;base64,aGVsbG8='] }, 'images.0'],
    ['a path as image', '/api/generate', { images: ['/etc/passwd'] }, 'images.0'],
    ['cut base64 as image', '/api/generate', { images: ['aGVsbG8'] }, 'images.0'],
    ['an empty image', '/api/generate', { images: [''] }, 'images.0'],
    ['a text as images', '/api/generate', { images: 'aGVsbG8=' }, 'images'],
    ['a text in context', '/api/generate', { context: [1, '2'] }, 'context.1'],
    ['a text as logprobs', '/api/generate', { logprobs: 'yes' }, 'logprobs'],
    ['a text as messages', '/api/chat', { messages: 'hi' }, 'messages'],
    ['an object as messages', '/api/chat', { messages: {} }, 'messages'],
    ['null as a message', '/api/chat', { messages: [null] }, 'messages.0'],
    ['an array as a message', '/api/chat', { messages: [[]] }, 'messages.0.role'],
    ['a text as a message', '/api/chat', { messages: ['hi'] }, 'messages.0'],
    ['a message without a role', '/api/chat', { messages: [{ content: 'hi' }] }, 'messages.0.role'],
    ['an unknown role', '/api/chat', message({ role: 'root' }), 'messages.0.role'],
    ['parts as content', '/api/chat', message({ content: [{ type: 'text', text: 'hi' }] }), 'messages.0.content'],
    ['a tool call without a function', '/api/chat', message({ tool_calls: [{}] }), 'messages.0.tool_calls.0.function'],
    [
      'arguments as a text',
      '/api/chat',
      message({ tool_calls: [{ function: { name: 'f', arguments: '{}' } }] }),
      'messages.0.tool_calls.0.function.arguments',
    ],
    ['an object as tools', '/api/chat', { tools: {} }, 'tools'],
    ['a tool without a name', '/api/chat', { tools: [{ type: 'function', function: {} }] }, 'tools.0.function.name'],
  ])('%s, and says where', (_, path, body, where) => {
    expect(issuesOf(() => parse(path, body)).map((issue) => issue.path)).toContain(where)
  })

  test.each([
    '',
    ' ',
    'a b',
    'a\nb',
    'a/b/c/d',
    '/a',
    'a/',
    'a:',
    ':a',
    'a::b',
    'a:b:c',
    '.a',
    '-a',
    'a/.b',
    'a..b',
    '../a',
    'a/../b',
    'http://h/a',
    'https://h:1/n/m',
    'a?b',
    'a#b',
    'a%2fb',
    'a@b',
    'modèle',
    'a\0',
    'host:port/ns/m',
    'host:123456/ns/m',
    'm'.repeat(257),
    7,
    true,
    {},
    ['gemma3'],
  ])('model %j', (model) => {
    expect(issuesOf(() => parse('/api/generate', { model })).map(({ path }) => path)).toContain('model')
  })

  test.each<[string, Path, Body]>([
    ['Model', '/api/generate', { model: 'a', Model: 'b' }],
    ['MODEL', '/api/chat', { MODEL: 'b' }],
    ['OPTIONS', '/api/chat', { options: { num_predict: 1 }, OPTIONS: { num_predict: -1 } }],
    ['with the Kelvin sign', '/api/generate', { '\u212aeep_alive': -1 }],
    ['with a long s', '/api/generate', { 'option\u017f': {} }],
  ])('a field in capitals, which Ollama reads as well: %s', (_, path, body) => {
    expect(issuesOf(() => parse(path, body))).toMatchObject([{ message: 'Expected the names of fields in lower case' }])
  })

  test('with the first mistake alone, where a body is made of them: gathering all would hold everybody up', () => {
    const body = { messages: Array.from({ length: 1_000_000 }, () => 0) }
    expect(issuesOf(() => parse('/api/chat', body))).toEqual([{ path: 'messages.0', message: expect.any(String) }])
  })

  test('with no more than eight issues, and never with what was sent', () => {
    const issues = issuesOf(() =>
      parse('/api/generate', { context: Array.from({ length: 100 }, () => 'SECRET'), model: 'SECRET SECRET' }),
    )
    expect(issues.length).toBe(8)
    expect(JSON.stringify(issues)).not.toContain('SECRET')
  })

  test('with a short path, however deep or long the names are', () => {
    const body = { messages: [{ role: 'user', content: 'x', images: [1], ['x'.repeat(10_000)]: 1 }] }
    for (const { path } of issuesOf(() => parse('/api/chat', body))) expect(path.length).toBeLessThanOrEqual(200)
  })

  test('a hostile name takes no time: a model of 16 MB', () => {
    const started = performance.now()
    for (const model of ['a'.repeat(16_000_000), 'a.'.repeat(8_000_000), 'a/'.repeat(8_000_000), 'a:'.repeat(8_000_000)])
      expect(issuesOf(() => parse('/api/generate', { model }))).not.toEqual([])
    expect(performance.now() - started).toBeLessThan(4000)
  })
})

describe('a question', () => {
  test.each<['show' | 'embed' | 'embeddings', Body]>([
    ['show', { model: 'gemma3' }],
    ['show', { name: 'gemma3', verbose: true }],
    ['show', { model: null, name: 'gemma3' }],
    ['embed', { model: 'm', input: 'a' }],
    ['embed', { model: 'm', input: ['a', 'b'], truncate: false, dimensions: 7, odd: 1 }],
    ['embed', { model: 'm' }],
    ['embeddings', { model: 'm', prompt: 'a', options: { num_ctx: 7 }, keep_alive: '1m' }],
  ])('%s is asked as it is: %j', (about, body) => {
    expect(parseQuestion(about, body)).toEqual({ question: { about, body } })
  })

  test.each<['show' | 'embed' | 'embeddings', Body]>([
    ['show', {}],
    ['show', { model: '' }],
    ['show', { model: '../x' }],
    ['show', { model: 'm', verbose: 1 }],
    ['embed', { input: 'a' }],
    ['embed', { model: null, input: 'a' }],
    ['embed', { model: 'm', input: 7 }],
    ['embed', { model: 'm', input: ['a', 7] }],
    ['embed', { model: 'm', dimensions: 1.5 }],
    ['embeddings', { prompt: 'a' }],
    ['embeddings', { model: 'm', prompt: ['a'] }],
    ['embeddings', { model: 'm', options: { num_ctx: 'x' } }],
  ])('%s is refused: %j', (about, body) => {
    expect(issuesOf(() => parseQuestion(about, body))).not.toEqual([])
  })
})
