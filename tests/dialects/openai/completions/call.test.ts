import { describe, expect, test } from 'vitest'
import { completionStream, completionStreamWithUsage } from '../../../../src/dialects/openai/completions/stream.ts'
import { completionWhole } from '../../../../src/dialects/openai/completions/whole.ts'
import { ask, toMade } from '../../ask.ts'
import { expectRefused, type Body, type Refused } from '../../expect-refused.ts'

const complete = (body: Body) => ask('/v1/completions', body)

describe('a text to complete', () => {
  test.each([
    ['a text', 'Once'],
    ['a list of one text', ['Once']],
  ])('is %s', (_, prompt) => {
    const body = { prompt: 'Once', suffix: 'end', options: { num_predict: 5, stop: ['a'] }, think: false }
    const request = { model: 'm', prompt, suffix: 'end', max_tokens: 5, stop: 'a', reasoning_effort: 'none', user: 'me' }
    expect(complete(request)).toMatchObject({ call: { endpoint: 'generate', model: 'm' }, body, header: undefined })
  })

  test('is answered in one piece, unless a stream is asked for', () => {
    expect(complete({ prompt: 'a' }).encoder).toBe(completionWhole)
    expect(complete({ prompt: 'a', stream: true }).encoder).toBe(completionStream)
    const usage = { stream_options: { include_usage: true } }
    expect(complete({ prompt: 'a', stream: true, ...usage }).encoder).toBe(completionStreamWithUsage)
  })

  test.each([{ echo: false, best_of: 1, n: 1 }, { logprobs: null }, { logprobs: false }, { user: 'me', suffix: '' }])(
    'ignores %j without naming it in the header',
    (more) => {
      expect(toMade(complete({ prompt: 'a', ...more }))).toEqual({ body: { prompt: 'a', options: {} } })
    },
  )

  test.each<[Body, string]>([
    [{ best_of: 2 }, 'best_of'],
    [{ echo: true }, 'echo'],
    [{ echo: 'yes' }, 'echo'],
    [{ logit_bias: { '1': 1 } }, 'logit_bias'],
    [{ suffix: 5 }, 'suffix'],
    [{ raw: true, images: ['x'] }, '+2 unknown'],
  ])('ignores %j, and names %s in the header', (more, header) => {
    expect(toMade(complete({ prompt: 'a', ...more }))).toEqual({ body: { prompt: 'a', options: {} }, header })
  })

  test.each<Refused>([
    [{ prompt: ['a', 'b'] }, 'prompt'],
    [{ prompt: [1, 2] }, 'prompt'],
    [{ prompt: [[1, 2]] }, 'prompt'],
    [{ n: 2 }, 'n'],
    [{ logprobs: 0 }, 'logprobs'],
  ])('is refused with %j', (more, path) => {
    expectRefused(() => complete({ prompt: 'a', ...more }), 'not_supported', path)
  })

  test.each<Refused>([
    ...[undefined, null, '', [], [''], 5, {}, ['a', 5], [null]].map((prompt): Refused => [{ prompt }, 'prompt']),
    [{ stream: 1 }, 'stream'],
  ])('is invalid with %j', (more, path) => {
    expectRefused(() => complete({ prompt: 'a', ...more }), 'invalid_request', path)
  })
})
