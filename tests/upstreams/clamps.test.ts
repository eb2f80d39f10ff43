import { describe, expect, test } from 'vitest'
import { parseExact } from '../../src/exact-json.ts'
import { clamp } from '../../src/upstreams/clamps.ts'

const limits = { numPredict: 100, numCtx: 4096, keepAliveSeconds: 600 }

describe('a clamp', () => {
  test.each([
    [{}, { options: { num_predict: 100 } }],
    [{ options: null }, { options: { num_predict: 100 } }],
    [{ options: { seed: 1 } }, { options: { seed: 1, num_predict: 100 } }],
    [{ options: { num_predict: 50 } }, { options: { num_predict: 50 } }],
    [{ options: { num_predict: 0 } }, { options: { num_predict: 100 } }],
    [{ options: { num_predict: 1 } }, { options: { num_predict: 1 } }],
    [{ options: { num_predict: 100 } }, { options: { num_predict: 100 } }],
    [{ options: { num_predict: 101 } }, { options: { num_predict: 100 } }],
    [{ options: { num_predict: -1 } }, { options: { num_predict: 100 } }],
    [{ options: { num_predict: -2 } }, { options: { num_predict: 100 } }],
    [{ options: { num_predict: null } }, { options: { num_predict: 100 } }],
    [{ options: { num_predict: '5' } }, { options: { num_predict: 100 } }],
    [{ options: '' }, { options: { num_predict: 100 } }],
    [{ options: 'a text' }, { options: { num_predict: 100 } }],
    [{ options: ['a', 'list'] }, { options: { num_predict: 100 } }],
  ])('of num_predict: %j → %j', (body, clamped) => {
    expect(clamp(body, { ...limits, numCtx: 0, keepAliveSeconds: 0 })).toEqual(clamped)
  })

  test.each([
    [{}, {}],
    [{ options: { num_ctx: 2048 } }, { options: { num_ctx: 2048 } }],
    [{ options: { num_ctx: 0 } }, { options: { num_ctx: 0 } }],
    [{ options: 'a text' }, { options: 'a text' }],
    [{ options: { num_ctx: 1_000_000 } }, { options: { num_ctx: 4096 } }],
    [{ options: { num_ctx: -1 } }, { options: { num_ctx: 4096 } }],
  ])('of num_ctx: %j → %j', (body, clamped) => {
    expect(clamp(body, { ...limits, numPredict: 0 })).toEqual(clamped)
  })

  test.each([
    [{}, {}],
    [{ keep_alive: null }, { keep_alive: null }],
    [{ keep_alive: 0 }, { keep_alive: 0 }],
    [{ keep_alive: '5m' }, { keep_alive: '5m' }],
    [{ keep_alive: 600 }, { keep_alive: 600 }],
    [{ keep_alive: 601 }, { keep_alive: 600 }],
    [{ keep_alive: -1 }, { keep_alive: 600 }],
    [{ keep_alive: '-1s' }, { keep_alive: 600 }],
    [{ keep_alive: '999h' }, { keep_alive: 600 }],
    [{ keep_alive: 'for ever' }, { keep_alive: 600 }],
  ])('of keep_alive: %j → %j', (body, clamped) => {
    expect(clamp(body, { ...limits, numPredict: 0 })).toEqual(clamped)
  })

  test('that is off changes nothing', () => {
    const body = { keep_alive: -1, options: { num_predict: -1, num_ctx: 1e9 } }
    expect(clamp(body, { numPredict: 0, numCtx: 0, keepAliveSeconds: 0 })).toEqual(body)
  })

  test('does not change the caller’s body', () => {
    const body = { keep_alive: -1, options: { num_predict: -1, num_ctx: 1e9 } }
    const before = structuredClone(body)
    clamp(body, limits)
    expect(body).toEqual(before)
  })

  test.each([
    ['{"options":{"num_predict":1e2,"num_ctx":4096.0},"keep_alive":600.0}', undefined],
    ['{"options":{"num_predict":-0}}', '{"options":{"num_predict":100}}'],
    ['{"options":{"num_predict":0.0}}', '{"options":{"num_predict":100}}'],
    ['{"options":{"num_predict":1e400}}', '{"options":{"num_predict":100}}'],
    ['{"options":{"num_predict":1,"num_ctx":12345678901234567890}}', '{"options":{"num_predict":1,"num_ctx":4096}}'],
    ['{"options":{"num_predict":1},"keep_alive":6.01e2}', '{"options":{"num_predict":1},"keep_alive":600}'],
  ])('compares numbers by value, and keeps their digits within the limit: %s → %s', (text, clamped = text) => {
    expect(JSON.stringify(clamp(parseExact(text) as object as Readonly<Record<string, unknown>>, limits))).toBe(clamped)
  })
})
