import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createUsage, type Totals } from '../../src/telemetry/usage.ts'

const since = '2026-01-01T00:00:00.000Z'
const none = { requests: 0, tokens_in: 0, tokens_out: 0, estimated: 0 }

const count = fc.option(fc.nat({ max: 1e6 }), { nil: undefined })
const line = fc.record(
  {
    key: fc.constantFrom('alice', 'bob', ''),
    model: fc.constantFrom('gemma3', 'smollm2:135m', '__proto__', 'constructor'),
    tokens_in: count,
    tokens: count,
    estimated: fc.constant(true as const),
  },
  { requiredKeys: [] },
)

describe('usage', () => {
  test('is the sum of the lines that have tokens, by key and by model', () => {
    fc.assert(
      fc.property(
        fc.array(
          line.map(({ tokens_in, tokens, ...rest }) => ({
            ...rest,
            ...(tokens_in !== undefined && { tokens_in }),
            ...(tokens !== undefined && { tokens }),
          })),
        ),
        (lines) => {
          const usage = createUsage({ since })
          for (const line of lines) usage.hear(line)
          const sum = (of: typeof lines): Totals => ({
            requests: of.filter(({ tokens_in = 0, tokens = 0 }) => tokens_in + tokens > 0).length,
            tokens_in: of.reduce((sum, { tokens_in = 0 }) => sum + tokens_in, 0),
            tokens_out: of.reduce((sum, { tokens = 0 }) => sum + tokens, 0),
            estimated: of.reduce((sum, { tokens = 0, estimated }) => sum + (estimated ? tokens : 0), 0),
          })
          const used = lines.filter(({ tokens_in = 0, tokens = 0 }) => tokens_in + tokens > 0)
          for (const key of ['alice', 'bob', '']) {
            const own = used.filter((line) => (line.key ?? '') === key)
            const { models, ...rest } = usage.of(key)
            expect(rest).toEqual({ key, since, ...sum(own) })
            const byModel = Map.groupBy(own, ({ model = 'other' }) => model)
            expect(new Map(Object.entries(models))).toEqual(new Map([...byModel].map(([name, lines]) => [name, sum(lines)])))
          }
          expect(new Set(usage.all().map(({ key }) => key))).toEqual(new Set(used.map(({ key = '' }) => key)))
        },
      ),
    )
  })

  test('of a key that has used nothing has zeros', () => {
    expect(createUsage({ since }).of('alice')).toEqual({ key: 'alice', since, ...none, models: {} })
  })

  test('ends in `other` behind 100 models of a key, and loses no token', () => {
    const usage = createUsage({ since })
    for (let i = 0; i < 100_000; i++) usage.hear({ key: 'alice', model: `m${i}`, tokens: 1 })
    usage.hear({ key: 'bob', model: 'm99999', tokens: 1 })
    const { models, tokens_out } = usage.of('alice')
    expect(Object.keys(models)).toHaveLength(101)
    expect([models.other?.tokens_out, models.m0?.tokens_out, tokens_out]).toEqual([99_900, 1, 100_000])
    expect(Object.keys(usage.of('bob').models)).toEqual(['m99999'])
  })

  test('forgets the callers that were silent longest, behind 10,000', () => {
    const usage = createUsage({ since })
    usage.hear({ key: 'early', tokens: 1 })
    usage.hear({ key: 'regular', tokens: 1 })
    for (let i = 0; i < 9999; i++) usage.hear({ key: `k${i}`, tokens: 1 })
    usage.hear({ key: 'regular', tokens: 1 })
    usage.hear({ key: 'last', tokens: 1 })
    expect(usage.all()).toHaveLength(10_000)
    expect([usage.of('early').requests, usage.of('k0').requests, usage.of('regular').requests]).toEqual([0, 0, 2])
  })

  test('gives copies, so that a later line changes no answer', () => {
    const usage = createUsage({ since })
    usage.hear({ key: 'alice', model: 'gemma3', tokens: 1 })
    const before = usage.of('alice')
    usage.hear({ key: 'alice', model: 'gemma3', tokens: 1 })
    expect(before).toMatchObject({ tokens_out: 1, models: { gemma3: { tokens_out: 1 } } })
  })
})
