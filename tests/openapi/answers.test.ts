import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { loadRecording, recordingNames, toBytes } from '#fake-ollama/recording.ts'
import { createDialects } from '../../src/dialects.ts'
import { batchSizes, generations, toBatches } from '../arbitrary-generation.ts'
import { findUndeclared, toEvents, toNamed } from './declared.ts'

const dialects = createDialects({ management: true })
const plans = Object.assign({}, ...dialects.map((dialect) => dialect.generations)) as (typeof dialects)[number]['generations']

const messages = [{ role: 'user', content: 'Hi' }]
const tools = [{ type: 'function', name: 'f', function: { name: 'f', parameters: {} }, parameters: {} }]
const custom = [{ type: 'custom', name: 'f', custom: { name: 'f' } }]
const stream = { stream: true }

/** A request of each dialect, and the schema of each event, of each line, or of the whole answer. */
const framings: readonly (readonly [path: `/${string}`, body: object, accept: string, schema: string])[] = [
  ['/api/generate', { prompt: 'Hi' }, 'text/event-stream', 'GenerateEvent'],
  ['/api/generate', { prompt: 'Hi' }, 'application/x-ndjson', 'GenerateLine'],
  ['/api/chat', { messages }, 'text/event-stream', 'ChatEvent'],
  ['/api/chat', { messages }, 'application/x-ndjson', 'ChatLine'],
  ['/ollama/api/generate', { prompt: 'Hi' }, '*/*', 'OllamaGenerateStreamLine'],
  ['/ollama/api/chat', { messages }, '*/*', 'OllamaChatStreamLine'],
  ['/api/chat', { messages, stream: false }, '*/*', 'OllamaChatLastLine'],
  ['/chat', { text: 'Hi' }, '*/*', 'PlainEvent'],
  ['/v1/chat/completions', { messages, tools, ...stream }, '*/*', 'ChatCompletionEvent'],
  ['/v1/chat/completions', { messages, tools: custom, ...stream }, '*/*', 'ChatCompletionEvent'],
  ['/v1/chat/completions', { messages, ...stream, stream_options: { include_usage: true } }, '*/*', 'ChatCompletionEvent'],
  ['/v1/chat/completions', { messages }, '*/*', 'ChatCompletion'],
  ['/v1/completions', { prompt: 'Hi', ...stream }, '*/*', 'CompletionEvent'],
  ['/v1/completions', { prompt: 'Hi' }, '*/*', 'Completion'],
  ['/v1/responses', { input: 'Hi', tools, ...stream }, '*/*', 'ResponseEvent'],
  ['/v1/responses', { input: 'Hi', tools: custom, background: true, ...stream }, '*/*', 'ResponseEvent'],
  ['/v1/responses', { input: 'Hi', tools: [{ type: 'tool_search', execution: 'client' }], ...stream }, '*/*', 'ResponseEvent'],
  ['/v1/responses', { input: 'Hi', tools }, '*/*', 'Response'],
  ['/v1/messages', { messages, ...stream }, '*/*', 'MessageEvent'],
  ['/v1/messages', { messages }, '*/*', 'Message'],
  ['/api/ui/chat', { messages }, '*/*', 'UiMessageEvent'],
]

test.each(framings)('%s: every answer to %j as %s is valid as %s', (path, body, accept, schema) => {
  const { encoder } = plans[path]!({ body: body as Record<string, unknown>, accept, canCut: true })
  const validate = toNamed(schema)
  fc.assert(
    fc.property(generations, batchSizes, (events, sizes) => {
      let text = ''
      const encode = encoder.start({ requestId: 'id', maxBytes: Infinity, emit: (frame) => (text += frame) })
      for (const batch of toBatches(events, sizes)) encode(batch)
      const values =
        encoder.contentType === 'text/event-stream' ? toEvents(text) : text.split('\n').filter(Boolean).map(toValue)
      for (const value of values)
        expect(validate(value), `${JSON.stringify(value)} ${JSON.stringify(validate.errors)}`).toBe(true)
    }),
  )
})

const toValue = (line: string): unknown => JSON.parse(line)

/** Ollama's own answers, but for its `/v1`, which Sluice does not use. */
const recordings = recordingNames().filter((name) => {
  const { request, status, ended } = loadRecording(name)
  return request.path.startsWith('/api/') && request.method !== 'HEAD' && (status < 400 || ended === 'clean end')
})

test.each(recordings)('the recording %s is a valid answer of the drop-in', (name) => {
  const recording = loadRecording(name)
  const { request, status } = recording
  const type = recording.headers['content-type'] ?? ''
  const text = Buffer.from(toBytes(recording)).toString()
  // Sluice has no such routes, and does not pass on an error without a body.
  if (type.startsWith('text/plain') || (status >= 400 && text === '')) return
  const path = `/ollama${request.path}`
  const headers = { 'content-type': type }
  const problems = findUndeclared({ method: request.method, path, status, headers, text, isWhole: true })
  expect(problems.filter((problem) => !problem.includes('a header is missing'))).toEqual([])
})

test('an answer that the document does not have is found', () => {
  const headers = Object.fromEntries(
    [
      'x-request-id',
      'content-security-policy',
      'cross-origin-resource-policy',
      'referrer-policy',
      'x-content-type-options',
    ].map((name) => [name, '']),
  )
  const answer = { method: 'GET', path: '/ping', status: 200, headers, text: '{"message":"OK"}', isWhole: true }
  const json = { ...headers, 'content-type': 'application/json' }
  expect(findUndeclared({ ...answer, headers: json })).toEqual([])
  expect(findUndeclared({ ...answer, headers: json, status: 418 })).toEqual([expect.stringContaining('undeclared status')])
  expect(findUndeclared({ ...answer, headers: { ...json, 'x-new': '1' } })).toEqual([
    expect.stringContaining('undeclared header: x-new'),
  ])
  expect(findUndeclared({ ...answer, headers: { 'content-type': 'application/json' } })).toHaveLength(5)
  expect(findUndeclared({ ...answer, headers: json, text: '{"message":"OK","more":1}' })).toHaveLength(1)
  expect(findUndeclared({ ...answer, headers: { ...headers, 'content-type': 'text/html' } })).toHaveLength(1)
  expect(findUndeclared({ ...answer, path: '/new' })).toEqual([expect.stringContaining('does not have this route')])
  const events = { ...json, 'content-type': 'text/event-stream', 'cache-control': 'no-cache' }
  const text = 'event: new\ndata: {}\n\n'
  expect(findUndeclared({ ...answer, method: 'POST', path: '/chat', headers: events, text })).toHaveLength(1)
})
