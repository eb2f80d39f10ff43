import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openai } from '../../../src/dialects/openai/openai.ts'
import { ServiceError } from '../../../src/errors.ts'
import { loadRecording, toBytes } from '#fake-ollama/recording.ts'

const toAnswer = (value: object) => ({ text: JSON.stringify(value), value: value as Record<string, unknown> })
const recorded = (name: string) => toAnswer(JSON.parse(Buffer.from(toBytes(loadRecording(name))).toString()) as object)

interface Embeddings {
  data: { index: number; embedding: unknown }[]
}
const embed = (more: object, answer = recorded('embed')) =>
  openai.questions['POST /v1/embeddings']!({ params: {}, body: { model: 'm', input: 'a', ...more } }).toAnswer!(
    answer,
  ) as Embeddings
const retrieve = (id: string, answer = recorded('tags')) =>
  openai.questions['GET /v1/models/:id{.+}']!({ params: { id }, body: {} }).toAnswer!(answer)

describe('embeddings', () => {
  test('are a list in the order of the texts, and count what Ollama counted', () => {
    const { value } = recorded('embed')
    const vectors = value.embeddings as number[][]
    expect(embed({})).toEqual({
      object: 'list',
      data: vectors.map((embedding, index) => ({ object: 'embedding', index, embedding })),
      model: 'smollm2:135m',
      usage: { prompt_tokens: value.prompt_eval_count, total_tokens: value.prompt_eval_count },
    })
  })

  test('as base64 are floats of four bytes, the lowest first', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.float({ noNaN: true }))), (embeddings) => {
        const { data } = embed({ encoding_format: 'base64' }, toAnswer({ embeddings }))
        const read = data.map(({ embedding }) => {
          const bytes = Buffer.from(embedding as string, 'base64')
          return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4))
        })
        expect(read).toEqual(embeddings)
      }),
    )
    expect(embed({ encoding_format: 'base64' }, toAnswer({ embeddings: [[1, -2]] })).data[0]!.embedding).toBe('AACAPwAAAMA=')
  })

  test('that Ollama did not give are its failure', () => {
    expect(() => embed({}, toAnswer({}))).toThrow(expect.objectContaining({ code: 'upstream_protocol' }))
  })
})

describe('models', () => {
  test('are Ollama’s', () => {
    const { toAnswer: toList } = openai.questions['GET /v1/models']!({ params: {}, body: {} })
    expect(toList!(recorded('tags'))).toMatchObject({
      object: 'list',
      data: [
        { id: 'thinky:latest', object: 'model', created: 1795342443, owned_by: 'library' },
        { id: 'tooly:latest' },
        { id: 'gemma3:270m' },
        { id: 'smollm2:135m' },
      ],
    })
    expect(toList!(toAnswer({ models: null }))).toEqual({ object: 'list', data: [] })
  })

  test.each([
    ['thinky', 'thinky:latest'],
    ['thinky:latest', 'thinky:latest'],
    ['gemma3:270m', 'gemma3:270m'],
  ])('%s is %s', (id, found) => {
    expect(retrieve(id)).toMatchObject({ id: found, object: 'model' })
  })

  test.each([
    ['hf.co/me/model:Q4', 'me'],
    ['localhost:5000/me/model', 'me'],
    ['me/model', 'me'],
  ])('%s is owned by %s', (name, owned_by) => {
    const answer = toAnswer({ models: [{ name: name.endsWith(':Q4') ? name : `${name}:latest` }] })
    expect(retrieve(name, answer)).toMatchObject({ owned_by, created: 0 })
  })

  test.each(['gemma3', 'gemma3:latest', 'thinky:', '', 'x'.repeat(5000), '../x', '<b>'])('%j is none', (id) => {
    const error = expect.objectContaining({ code: 'model_not_found', status: 404 }) as unknown
    expect(() => retrieve(id)).toThrow(error)
  })
})

describe('errors', () => {
  test.each(['/v1', '/v1/', '/v1/chat/completions', '/v1/nothing'])('at %s are OpenAI’s', (path) => {
    expect(openai.owns(path)).toBe(true)
  })

  test.each(['/', '/v10/x', '/api/chat', '/ollama/v1/x', '/chat'])('at %s are not', (path) => {
    expect(openai.owns(path)).toBe(false)
  })

  test('name the field that is wrong', () => {
    const issues = [{ path: 'n', message: 'no' }]
    expect(openai.toFailure(new ServiceError('not_supported', 'n: no', { issues }), 'id-1')).toEqual({
      status: 400,
      body: { error: { message: 'n: no', type: 'invalid_request_error', code: 'not_supported', param: 'n' } },
    })
  })
})
