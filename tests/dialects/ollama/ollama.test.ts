import { describe, expect, test } from 'vitest'
import { createOllamaDialect } from '../../../src/dialects/ollama/ollama.ts'
import { ollamaStream } from '../../../src/dialects/ollama/stream.ts'
import { folded } from '../../../src/encoders/folded.ts'
import { ServiceError } from '../../../src/errors.ts'
import { loadRecording, recordingNames } from '#fake-ollama/recording.ts'

type Body = Record<string, unknown>
const ollama = createOllamaDialect({ management: true })
const parse = (path: string, body: Body, accept?: string) =>
  ollama.generations[`/ollama${path}`]!({ accept, canCut: true, body })
const hi = { model: 'm', messages: [{ role: 'user', content: 'Hi' }] }

test('has Ollama’s routes, and without management none that changes a model', () => {
  const routesOf = ({ generations, questions }: typeof ollama) =>
    [...Object.keys(generations), ...Object.keys(questions)].toSorted()
  const readOnly = [
    '/ollama/api/chat',
    '/ollama/api/generate',
    'GET /ollama/api/ps',
    'GET /ollama/api/tags',
    'GET /ollama/api/version',
    'POST /ollama/api/embed',
    'POST /ollama/api/embeddings',
    'POST /ollama/api/show',
  ]
  const managing = ['pull', 'push', 'create'].map((about) => `/ollama/api/${about}`)
  expect(routesOf(createOllamaDialect({ management: false }))).toEqual(readOnly)
  expect(routesOf(ollama)).toEqual([...readOnly, ...managing, 'POST /ollama/api/copy', 'DELETE /ollama/api/delete'].toSorted())
})

describe('an answer', () => {
  test.each([undefined, '*/*', 'text/event-stream', 'application/json'])('is lines, with Accept: %s', (accept) => {
    for (const stream of [undefined, null, true])
      expect(parse('/api/chat', { ...hi, stream }, accept).encoder).toBe(ollamaStream)
    expect(parse('/api/pull', { model: 'm' }, accept).encoder).toBe(ollamaStream)
    expect(parse('/api/chat', { ...hi, stream: false }, accept).encoder).toBe(folded)
  })

  test.each<[string, Body]>([
    ['/api/generate', { model: 'm' }],
    ['/api/generate', { model: 'm', prompt: '', stream: true }],
    ['/api/generate', { model: 'm', prompt: null, keep_alive: 0 }],
    ['/api/chat', { model: 'm' }],
    ['/api/chat', { model: 'm', messages: [], stream: true }],
  ])('to a request that only loads or unloads is one object: %s %j', (path, body) => {
    expect(parse(path, body).encoder).toBe(folded)
  })

  const recorded = recordingNames().filter((name) => {
    const { request, status } = loadRecording(name)
    return status === 200 && ['/api/generate', '/api/chat', '/api/create'].includes(request.path)
  })
  test.each(recorded)('has the content type of the recording: %s', (name) => {
    const { request, headers } = loadRecording(name)
    expect(headers['content-type']!.split(';')[0]).toBe(parse(request.path, request.body as Body).encoder.contentType)
  })
})

test.each(['pull', 'push', 'create'] as const)('%s passes the body on unchanged', (endpoint) => {
  const body = { name: 'm', odd: [1], stream: false }
  expect(parse(`/api/${endpoint}`, body).call).toEqual({ endpoint, model: 'm', body })
})

test.each(['pull', 'push', 'create'] as const)(
  '%s takes both fields, one of them empty, as Go’s client sends them',
  (endpoint) => {
    for (const body of [
      { model: 'm', name: '', insecure: true },
      { model: '', name: 'm', insecure: 'odd' },
    ])
      expect(parse(`/api/${endpoint}`, body).call).toEqual({ endpoint, model: 'm', body })
    expect(() => parse(`/api/${endpoint}`, { model: '', name: '' })).toThrow('Expected a model')
  },
)

test('create refuses a cloud model whose name does not end in cloud', () => {
  const create = (more: Body) => () => parse('/api/create', { model: 'm', from: 'gpt-oss:120b', ...more })
  expect(create({ remote_host: 'https://ollama.com' })).toThrow('a cloud model has a name that ends in cloud')
  expect(create({ Remote_Host: 'https://ollama.com' })).toThrow('in lower case')
  for (const nothing of ['', null, [], {}]) expect(create({ remote_host: nothing, from: nothing })).not.toThrow()
  expect(create({ from: '../../etc/passwd' })).toThrow('from')
})

describe('a failure has the form of Ollama’s own', () => {
  const toFailure = (...args: ConstructorParameters<typeof ServiceError>) => ollama.toFailure(new ServiceError(...args), 'id-1')

  test('with only the error text in its body', () => {
    const issues = [{ path: 'prompt', message: 'Expected string' }]
    expect(toFailure('invalid_request', 'prompt: Expected string', { issues })).toEqual({
      status: 400,
      body: { error: 'prompt: Expected string' },
    })
  })

  test('with Ollama’s own status', () => {
    expect(toFailure('upstream_failed', 'x', { upstreamStatus: 500 }).status).toBe(500)
    expect(toFailure('upstream_rejected', 'x', { status: 401 }).status).toBe(401)
    expect(toFailure('upstream_failed', 'x').status).toBe(502)
    expect(toFailure('upstream_protocol', 'x', { upstreamStatus: 404 }).status).toBe(502)
  })

  test('as plain text, like that of Ollama’s router', () => {
    expect(toFailure('not_found', 'x')).toEqual({ status: 404, body: '404 page not found' })
    expect(toFailure('method_not_allowed', 'x')).toEqual({ status: 405, body: '405 method not allowed' })
  })
})
