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

/** Returns the issues of a refusal, or none if the step was accepted. */
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
  test.each(['generate', 'chat'] as const)('of %s passes the body on unchanged, with its unknown fields', (endpoint) => {
    const body = { model: 'm', prompt: 'hi', messages: [], odd: { a: [1] }, options: { odd: 'x' }, stream: true }
    expect(parse(`/api/${endpoint}`, body).call).toEqual({ endpoint, model: 'm', body })
  })

  test.each([[{}], [{ model: null }]])('without a model does not choose one: %j', (body) => {
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

  test('is SSE where a response cannot be cut, because plain text could not report a failure', () => {
    const request = { accept: 'text/plain', canCut: false, body: { model: 'm' } }
    expect(native.generations['/api/generate']!(request).encoder).toBe(sse)
  })

  test('that reports progress is never plain text', () => {
    const pull = createNative({ management: true }).generations['/api/pull']!
    expect(pull({ accept: 'text/plain', canCut: true, body: { model: 'm' } }).encoder).toBe(sse)
  })

  test('sends status events only in SSE, and only if Prefer asks for them', () => {
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

describe('accepted, because Ollama judges it', () => {
  test.each<[string, Path, Body]>([
    ['nothing at all', '/api/generate', {}],
    ['an empty prompt, which loads the model', '/api/generate', { prompt: '' }],
    ['a number as prompt', '/api/generate', { prompt: 1 }],
    ['negative numbers', '/api/generate', { options: { num_predict: -1, seed: -5, temperature: -0.5 }, keep_alive: -1 }],
    ['a text as options', '/api/generate', { options: 'x' }],
    ['an array as options', '/api/generate', { options: [] }],
    ['options of other types', '/api/generate', { options: { temperature: 'hot', seed: 1.5, num_ctx: '4096', stop: 'x' } }],
    ['options of its own', '/api/generate', { options: { mirostat: 'anything', draft_num_predict: 4, main_gpu: 0 } }],
    ['another format', '/api/generate', { format: 'xml' }],
    ['a JSON schema', '/api/generate', { format: { type: 'object', properties: {} } }],
    ['a level of thinking', '/api/generate', { think: 'max' }],
    ['a level of thinking that only the model knows', '/api/generate', { think: 'deep' }],
    ['a number as thinking', '/api/generate', { think: 1 }],
    ['a duration', '/api/generate', { keep_alive: '5m' }],
    ['a duration that is none', '/api/generate', { keep_alive: 'for ever' }],
    ['base64 with line breaks', '/api/generate', { images: ['aGVs\r\nbG8=\n'] }],
    ['a data URL as image', '/api/generate', { images: ['data:image/png;base64,aGVsbG8='] }],
    ['a path as image, which nothing reads', '/api/generate', { images: ['/etc/passwd'] }],
    ['an empty image', '/api/generate', { images: [''] }],
    ['a text in context', '/api/generate', { context: [1, '2'] }],
    ['a text as logprobs', '/api/generate', { logprobs: 'yes' }],
    ['a name, which is no field here', '/api/generate', { name: 5, Odd: true }],
    ['no messages, which loads the model', '/api/chat', { messages: [] }],
    ['a text as messages', '/api/chat', { messages: 'hi' }],
    ['null as a message', '/api/chat', { messages: [null] }],
    ['a message without a role', '/api/chat', { messages: [{ content: 'hi' }] }],
    ['the role that makes Granite think', '/api/chat', message({ role: 'control', content: 'thinking' })],
    ['the role of a document', '/api/chat', message({ role: 'document 1' })],
    ['the role that Continue gives thoughts', '/api/chat', message({ role: 'thinking' })],
    ['a role in capitals', '/api/chat', message({ role: 'User' })],
    ['null content', '/api/chat', message({ content: null })],
    ['parts as content', '/api/chat', message({ content: [{ type: 'text', text: 'hi' }] })],
    ['a tool call without a function', '/api/chat', message({ tool_calls: [{}] })],
    ['arguments as a text', '/api/chat', message({ tool_calls: [{ function: { name: 'f', arguments: '{}' } }] })],
    ['an object as tools', '/api/chat', { tools: {} }],
    ['a tool without a name', '/api/chat', { tools: [{ type: 'function', function: {} }] }],
  ])('%s', (_, path, body) => {
    expect(parse(path, body).call.body).toBe(body)
  })

  test.each([null, '', [], {}])('%j for every field: it asks for nothing', (nothing) => {
    const fields = 'model stream prompt messages images options format think keep_alive context tools logprobs suffix name'
    const body = Object.fromEntries(fields.split(' ').map((field) => [field, nothing]))
    for (const path of ['/api/generate', '/api/chat'] as const)
      expect(parse(path, body)).toMatchObject({ call: { model: undefined, body }, encoder: sse })
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
  test.each<[string, Body, string]>([
    ['a text as stream', { stream: 'false' }, 'stream'],
    ['a number as stream', { stream: 0 }, 'stream'],
    ['a list as model', { model: ['a'] }, 'model'],
  ])('%s, and the error names the field', (_, body, where) => {
    expect(issuesOf(() => parse('/api/generate', body)).map((issue) => issue.path)).toContain(where)
  })

  test.each([
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
    { a: 1 },
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

  test('never repeats a sent value in the error', () => {
    const issues = issuesOf(() => parse('/api/generate', { model: 'SECRET SECRET', stream: 'SECRET' }))
    expect(issues.map(({ path }) => path)).toEqual(['model', 'stream'])
    expect(JSON.stringify(issues)).not.toContain('SECRET')
  })

  test('a hostile model name of 16 MB is refused within 4 s', () => {
    const started = performance.now()
    for (const model of ['a'.repeat(16_000_000), 'a.'.repeat(8_000_000), 'a/'.repeat(8_000_000), 'a:'.repeat(8_000_000)])
      expect(issuesOf(() => parse('/api/generate', { model }))).not.toEqual([])
    expect(performance.now() - started).toBeLessThan(4000)
  })
})

describe('a question', () => {
  test.each<['show' | 'embed' | 'embeddings', Body]>([
    ['show', { model: 'gemma3' }],
    ['show', { name: 'gemma3', verbose: 1 }],
    ['show', { model: null, name: 'gemma3' }],
    ['show', { model: '', system: '', template: '', options: null, name: 'gemma3' }],
    ['show', { model: 'gemma3', name: '' }],
    ['embed', { model: 'm', input: 'a' }],
    ['embed', { model: 'm', input: ['a', 7], truncate: false, dimensions: 1.5, odd: 1 }],
    ['embed', { model: 'm' }],
    ['embeddings', { model: 'm', prompt: ['a'], options: { num_ctx: 'x' }, keep_alive: '1m' }],
  ])('%s is passed on unchanged: %j', (about, body) => {
    expect(parseQuestion(about, body)).toEqual({ question: { about, body } })
  })

  test.each<['show' | 'embed' | 'embeddings', Body]>([
    ['show', {}],
    ['show', { model: '' }],
    ['show', { model: '', name: '' }],
    ['show', { model: '../x' }],
    ['show', { model: 'm', name: 'http://evil/x' }],
    ['show', { model: 'm', Name: 'x' }],
    ['embed', { input: 'a' }],
    ['embed', { model: null, input: 'a' }],
    ['embed', { model: 'm', Options: {} }],
    ['embeddings', { prompt: 'a' }],
    ['embeddings', { model: '' }],
  ])('%s is refused: %j', (about, body) => {
    expect(issuesOf(() => parseQuestion(about, body))).not.toEqual([])
  })
})
