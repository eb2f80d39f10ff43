import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openai } from '../../../src/dialects/openai/openai.ts'
import { loadRecording, toBytes } from '#fake-ollama/recording.ts'
import { expectRefused, type Body, type Refused } from '../expect-refused.ts'

const toAnswer = (value: object) => ({ text: JSON.stringify(value), value: value as Record<string, unknown> })
const recorded = toAnswer(JSON.parse(Buffer.from(toBytes(loadRecording('embed'))).toString()) as object)

interface Embeddings {
  data: { index: number; embedding: unknown }[]
}
const ask = (body: Body) => openai.questions['POST /v1/embeddings']!({ params: {}, body })
const embed = (more: object, answer = recorded) => ask({ model: 'm', input: 'a', ...more }).toAnswer!(answer) as Embeddings

describe('embeddings', () => {
  test.each(['a', ['a'], ['a', 'b']])('are of %j', (input) => {
    const { question } = ask({ model: 'm', input, dimensions: 8, keep_alive: 5, encoding_format: 'float', user: 'me' })
    expect(question).toEqual({ about: 'embed', body: { model: 'm', input, dimensions: 8, keep_alive: 5 } })
    expect(ask({ model: 'm', input, dimensions: null }).question).toEqual({ about: 'embed', body: { model: 'm', input } })
  })

  test.each<[Body, string | undefined]>([
    [{ user: 'me', keep_alive: null, encoding_format: '' }, undefined],
    [{ keep_alive: true }, 'keep_alive'],
    [{ input_type: 'query', who: 5 }, '+2 unknown'],
  ])('ignore %j, and name %s in the header', (more, header) => {
    const { question, ignored } = ask({ model: 'm', input: 'a', ...more })
    expect(question).toEqual({ about: 'embed', body: { model: 'm', input: 'a' } })
    expect(ignored!.toHeader()).toBe(header)
  })

  test.each([[[1, 2]], [[[1], [2]]]])('are refused for tokens as the input: %j', (input) => {
    expectRefused(() => ask({ model: 'm', input }), 'not_supported', 'input')
  })

  test.each<Refused>([
    [{ model: undefined }, 'model'],
    [{ model: '' }, 'model'],
    ...[undefined, null, '', [], 5, {}, ['a', 1]].map((input): Refused => [{ input }, 'input']),
    [{ encoding_format: 'binary' }, 'encoding_format'],
    [{ dimensions: 0.5 }, 'dimensions'],
  ])('are invalid with %j', (more, path) => {
    expectRefused(() => ask({ model: 'm', input: 'a', ...more }), 'invalid_request', path)
  })
})

describe('vectors', () => {
  test('are a list in the order of the texts, and count what Ollama counted', () => {
    const { value } = recorded
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

  test('that Ollama did not return are an upstream failure', () => {
    expect(() => embed({}, toAnswer({}))).toThrow(expect.objectContaining({ code: 'upstream_protocol' }))
  })
})
