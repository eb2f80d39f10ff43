import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ServiceError, type ErrorCode } from '../../src/errors.ts'
import { parseExact } from '../../src/exact-json.ts'
import type { GenerationCall, OllamaChunk } from '../../src/generation.ts'
import { estimateGeneration, toUsedTokens } from '../../src/middleware/token-estimate.ts'

const toCall = (body: object): GenerationCall => ({ endpoint: 'chat', model: 'm', body: { ...body } })
const image = 'A'.repeat(40_000)

describe('the estimate of a generation', () => {
  test.each([
    ['no limit', {}, [], 4096],
    ['no limit in any way', { options: { num_predict: -1 } }, [0, undefined], 4096],
    ['its own limit', { options: { num_predict: 100 } }, [], 100],
    ['its own limit, which is smaller than ours', { options: { num_predict: 100 } }, [200, 300], 100],
    ['our limit', { options: { num_predict: 1000 } }, [200, 300], 200],
    ['our limit for no limit', { options: { num_predict: 0 } }, [0, 300], 300],
    ['a fraction', { options: { num_predict: 1.5 } }, [], 2],
    ['a number that no store can count', { options: { num_predict: 1e300 } }, [], 1_000_000],
    ['a limit that is no number', { options: { num_predict: '5' } }, [], 4096],
    ['options that are no object', { options: 'num_predict' }, [], 4096],
  ])('with %s', (_name, body, clamps, output) => {
    expect(estimateGeneration(toCall(body), 400, clamps)).toEqual({ input: 100, output })
  })

  test('with a number that JavaScript cannot write, such as 1e400', () => {
    const body = parseExact('{"options":{"num_predict":1e400}}') as object
    expect(estimateGeneration(toCall(body), 0, []).output).toBe(1_000_000)
  })

  test.each([
    ['images of a prompt', { prompt: 'Hi', images: [image, image] }, 2],
    ['images of messages', { messages: [{ images: [image] }, { content: 'Hi' }, { images: [image, image] }] }, 3],
    ['things that are no images', { images: 'x', messages: [null, 'x', { images: { length: 5 } }, { images: [5] }] }, 0],
  ])('has 1000 tokens for each image, and not its text: %s', (_name, body, count) => {
    expect(estimateGeneration(toCall(body), 400 + count * image.length, []).input).toBe(100 + count * 1000)
  })

  test('is a number of at least 0 for any body', () => {
    fc.assert(
      fc.property(fc.object(), fc.nat(), fc.array(fc.option(fc.integer(), { nil: undefined })), (body, bytes, clamps) => {
        const { input, output } = estimateGeneration(toCall(body), bytes, clamps)
        expect(Number.isInteger(input) && input >= 0).toBe(true)
        expect(Number.isInteger(output) && output > 0 && output <= 1_000_000).toBe(true)
      }),
    )
  })
})

describe('what a generation has used', () => {
  const failed = (code: ErrorCode) => ({ how: 'failed', error: new ServiceError(code, '') }) as const
  const done = { how: 'done' } as const
  const counted = { done: true, prompt_eval_count: 7, eval_count: 3 }

  test.each([null, -5, 0.5, Infinity])('a count of %d is none, so the pieces count', (count) => {
    const tally = { done: { ...counted, eval_count: count }, deltas: 5 } as never
    expect(toUsedTokens({ ended: done, tally }, { isSent: true, input: 100 })).toBe(5)
  })

  test.each([
    ['Ollama has counted', done, { done: counted, deltas: 5 }, true, 10],
    [
      'Ollama has counted, but the reader stalled at the end',
      { how: 'stalled' } as const,
      { done: counted, deltas: 5 },
      true,
      10,
    ],
    ['Ollama has counted an answer without a prompt', done, { done: { done: true, eval_count: 3 }, deltas: 5 }, true, 3],
    ['a load of a model', done, { done: { done: true }, deltas: 0 }, true, 0],
    ['a reader left after two pieces', { how: 'left' } as const, { deltas: 2 }, true, 102],
    ['Ollama broke off after two pieces', failed('upstream_failed'), { deltas: 2 }, true, 102],
    ['a reader left before the first piece', { how: 'left' } as const, { deltas: 0 }, true, 100],
    ['a reader left the queue', { how: 'left' } as const, { deltas: 0 }, false, 0],
    ['a cancel before the first piece', failed('cancelled'), { deltas: 0 }, true, 100],
    ['a cancel in the queue', failed('cancelled'), { deltas: 0 }, false, 0],
    ['a deadline before the first piece', failed('first_token_timeout'), { deltas: 0 }, true, 100],
    ['a full queue', failed('too_many_streams'), { deltas: 0 }, false, 0],
    ['a model that does not exist', failed('model_not_found'), { deltas: 0 }, true, 0],
    ['a refusal by Ollama', failed('upstream_rejected'), { deltas: 0 }, true, 0],
    ['an Ollama that is down', failed('upstream_unreachable'), { deltas: 0 }, true, 0],
  ])('%s', (_name, ended, { deltas, ...tally }: { done?: OllamaChunk; deltas: number }, isSent, tokens) => {
    const outcome = { ended, tally: { firstDeltaAt: undefined, done: undefined, deltas, ...tally } }
    expect(toUsedTokens(outcome, { isSent, input: 100 })).toBe(tokens)
  })
})
