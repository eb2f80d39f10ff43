import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toSchemaValue } from '#fake-ollama/emulator/schema-value.ts'
import { createRandom } from '#fake-ollama/emulator/seeded.ts'
import { createWords } from '#fake-ollama/emulator/words.ts'

function valueOf(
  schema: unknown,
  message = 'What is the weather in Tokyo on 2026-12-24 for 3 people?',
  requiredOnly = false,
): unknown {
  return toSchemaValue(schema, { words: createWords(message), random: createRandom('1'), requiredOnly })
}

interface Schema {
  type?: string
  enum?: unknown[]
  const?: unknown
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  minItems?: number
  maxItems?: number
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
}

/** Whether a value conforms to a schema. This check shares no code with the emulator. */
function conforms(value: unknown, schema: Schema): boolean {
  if ('const' in schema) return value === schema.const
  if (schema.enum) return schema.enum.includes(value)
  if (schema.type === 'boolean') return typeof value === 'boolean'
  if (schema.type === 'integer' || schema.type === 'number') {
    if (typeof value !== 'number' || (schema.type === 'integer' && !Number.isInteger(value))) return false
    return value >= (schema.minimum ?? -Infinity) && value <= (schema.maximum ?? Infinity)
  }
  if (schema.type === 'string') {
    const length = typeof value === 'string' ? Array.from(value).length : -1
    return length >= (schema.minLength ?? 0) && length <= (schema.maxLength ?? Infinity)
  }
  if (schema.type === 'array') {
    const inBounds =
      Array.isArray(value) && value.length >= (schema.minItems ?? 0) && value.length <= (schema.maxItems ?? Infinity)
    return inBounds && value.every((item) => conforms(item, schema.items ?? {}))
  }
  if (schema.type !== 'object') return true
  const fields = value as Record<string, unknown>
  return (
    (schema.required ?? []).every((key) => Object.hasOwn(fields, key)) &&
    Object.entries(schema.properties ?? {}).every(
      ([key, property]) => !Object.hasOwn(fields, key) || conforms(fields[key], property),
    )
  )
}

const bounds = (low: string, high: string, max: number) =>
  fc
    .tuple(fc.integer({ min: 0, max }), fc.integer({ min: 0, max }))
    .map(([a, b]) => ({ [low]: Math.min(a, b), [high]: Math.max(a, b) }))

const { schema: anySchema } = fc.letrec<{ schema: Schema }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constant({ type: 'boolean' }),
    bounds('minLength', 'maxLength', 30).map((limits) => ({ type: 'string', ...limits })),
    bounds('minimum', 'maximum', 50).map((limits) => ({ type: 'integer', ...limits })),
    bounds('minimum', 'maximum', 50).map((limits) => ({ type: 'number', ...limits })),
    fc.array(fc.oneof(fc.string(), fc.integer()), { minLength: 1, maxLength: 4 }).map((values) => ({ enum: values })),
    fc.oneof(fc.string(), fc.integer(), fc.boolean()).map((value) => ({ const: value })),
    fc.tuple(tie('schema'), bounds('minItems', 'maxItems', 3)).map(([items, limits]) => ({ type: 'array', items, ...limits })),
    fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), tie('schema'), { maxKeys: 4 }).map((properties) => ({
      type: 'object',
      properties,
      required: Object.keys(properties).slice(0, 2),
    })),
  ),
}))

test('a value conforms to its schema, whatever the message says', () => {
  fc.assert(
    fc.property(anySchema, fc.string({ unit: 'grapheme' }), fc.boolean(), (schema, message, requiredOnly) => {
      expect(conforms(valueOf(schema, message, requiredOnly), schema)).toBe(true)
    }),
  )
})

describe('values taken from a message', () => {
  test.each([
    ['Weather in Tokyo?', 'Tokyo'],
    ['what is the weather in tokyo', 'tokyo'],
    ['Tokyo weather', 'Tokyo'],
    ['Tell me about "the blue whale"', 'the blue whale'],
    ['东京的天气怎么样？', '东京'],
  ])('%s → %s', (message, city) => {
    expect(valueOf({ properties: { city: { type: 'string' } } }, message)).toEqual({ city })
  })

  test('numbers, dates and a mentioned option are taken from the message', () => {
    const properties = {
      day: { type: 'string', format: 'date' },
      people: { type: 'integer' },
      unit: { enum: ['fahrenheit', 'celsius'] },
    }
    const value = valueOf({ type: 'object', properties }, 'Weather on 2026-12-24 for 3 people in Celsius')
    expect(value).toEqual({ day: '2026-12-24', people: 3, unit: 'celsius' })
  })

  test('a query is the whole sentence', () => {
    expect(valueOf({ properties: { query: { type: 'string' } } }, 'Who was Ada Lovelace?')).toEqual({
      query: 'Who was Ada Lovelace?',
    })
  })
})

test('references, unions and a list of types are followed', () => {
  const schema = {
    $defs: { city: { type: 'object', properties: { name: { type: ['null', 'string'] } }, required: ['name'] } },
    properties: {
      at: { $ref: '#/$defs/city' },
      size: { anyOf: [{ type: 'integer', minimum: 9, maximum: 9 }, { type: 'null' }] },
    },
    allOf: [{ properties: { ok: { const: true } }, required: ['ok'] }],
  }
  expect(valueOf(schema)).toEqual({ at: { name: 'Tokyo' }, size: 9, ok: true })
})

test('a recursive schema gives a finite value', () => {
  const endless: Record<string, unknown> = { type: 'object', required: ['next'] }
  endless.properties = { next: { $ref: '#' } }
  expect(JSON.stringify(valueOf(endless)).length).toBeLessThan(20_000)
  expect(valueOf({ $ref: '#' })).toBe('Tokyo')
  expect(valueOf({ allOf: [{ $ref: '#' }, { $ref: '#' }] })).toBeDefined()
  const pair = { type: 'object', properties: { a: { $ref: '#' }, b: { $ref: '#' } } }
  for (const required of [[], ['a', 'b']]) expect(JSON.stringify(valueOf({ ...pair, required })).length).toBeLessThan(20_000)
})

test.each([undefined, null, 5, 'object', []])('%j, which is no schema, gives a text', (schema) => {
  expect(typeof valueOf(schema)).toBe('string')
})
