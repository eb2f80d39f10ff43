import * as fc from 'fast-check'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { isNumber, isObject, parseExact, toNumber } from '../src/exact-json.ts'

const digits = fc.string({ unit: fc.constantFrom('0', '1', '5', '9'), minLength: 1, maxLength: 25 })
/** The text of a number, with or without a fraction and an exponent. */
const numbers = fc
  .tuple(
    fc.constantFrom('', '-'),
    digits.map((text) => text.replace(/^0+(?=\d)/, '')),
    fc.option(digits, { nil: undefined }),
    fc.option(fc.tuple(fc.constantFrom('e', 'E', 'e+', 'e-', 'E-'), fc.nat({ max: 400 })), { nil: undefined }),
  )
  .map(([sign, whole, fraction, exponent]) =>
    [sign, whole, ...(fraction ? ['.', fraction] : []), ...(exponent?.map(String) ?? [])].join(''),
  )
const anyNumber = fc.oneof(
  numbers,
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.integer().map(String),
  fc.constantFrom('0', '-0', '-0.0', '0.000001', '0.0000001', '1e21', '1e+21', '1e22', '3e22', '1e400', '-1e400', '1E5'),
  fc.constantFrom('999999999999999', '9007199254740993', '1234567890123456789', '0.30', '0.1', '5e-324', '123456789012345.5'),
)
const texts = fc
  .oneof(
    fc.string({ unit: 'binary' }),
    anyNumber,
    anyNumber.map((number) => `",${number},"\\`),
    fc.constant('\\'),
  )
  .map((text) => JSON.stringify(text))
const space = fc.constantFrom('', '', ' ', '\r\n\t')

/** Two texts of the same JSON value: one without white space, and one with white space. */
const { value: jsonTexts } = fc.letrec<{ value: readonly [compact: string, spaced: string] }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(anyNumber, texts, fc.constantFrom('true', 'false', 'null')).map((text) => [text, text] as const),
    fc.array(tie('value'), { maxLength: 5 }).map((items) => join('[', items, ']')),
    fc
      .uniqueArray(fc.tuple(texts, tie('value')), { selector: ([key]) => JSON.parse(key) as string, maxLength: 5 })
      // Names that are array indices are left out, because JavaScript sorts them to the front.
      .map((fields) => fields.filter(([key]) => !/^"\d+"$/.test(key)))
      .map((fields) =>
        join(
          '{',
          fields.map(([key, [compact, spaced]]) => [`${key}:${compact}`, `${key} : ${spaced}`] as const),
          '}',
        ),
      ),
  ),
}))

function join(open: string, parts: readonly (readonly [string, string])[], close: string): readonly [string, string] {
  const [compact, spaced] = [parts.map((part) => part[0]), parts.map((part) => part[1])]
  return [open + compact.join(',') + close, `${open} ${spaced.join('\n,\t')}${close}`]
}

/** Converts a value to the result of JSON.parse. */
function toPlain(value: unknown): unknown {
  if (isNumber(value)) return toNumber(value)
  if (Array.isArray(value)) return value.map(toPlain)
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, toPlain(inner)]))
}

function parsed(parse: (text: string) => unknown, text: string): unknown {
  try {
    return parse(text)
  } catch (error) {
    return (error as Error).name
  }
}

describe('the cost', () => {
  const fill = (bytes: number, write: (index: number) => string) => {
    const items: string[] = []
    for (let length = 0; length < bytes; length += items.at(-1)!.length + 1) items.push(write(items.length))
    return `[${items.join(',')}]`
  }
  const timed = (work: () => unknown) => {
    const start = performance.now()
    work()
    return performance.now() - start
  }
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const used = () => (collect(), process.memoryUsage().heapUsed)

  test('of 1 MB of small numbers is far below that of a reviver', () => {
    const text = fill(2 ** 20, (index) => String(index % 100))
    const times = Array.from({ length: 20 }, () => [timed(() => parseExact(text)), timed(() => JSON.parse(text) as unknown)])
    const [exact, plain] = [0, 1].map((which) => Math.min(...times.map((pair) => pair[which]!))) as [number, number]
    // With a reviver, parsing takes 17 times as long on Bun, and 36 times as long on Node
    // (docs/hazards.md#87).
    expect(exact / plain).toBeLessThan(5)
  })

  test.each([
    ['one of 19 digits', (index: number) => (index === 1000 ? '1234567890123456789' : String(index % 100)), 1000, 10],
    ['all of them 1.0', () => '1.0', 3000, 10],
    ['all different', (index: number) => `${index}.0`, 10_000, 12],
  ])('of 16 MB of numbers, %s, is bounded', (_, write, ms, times) => {
    const text = fill(2 ** 24, write)
    const before = used()
    let value: unknown
    expect(timed(() => (value = parseExact(text)))).toBeLessThan(ms)
    expect((used() - before) / text.length).toBeLessThan(times)
    expect(value).toHaveLength(text.split(',').length)
  })

  test('of one kept number does not include the whole text', () => {
    // The text is made in a separate function, so that no variable of the test keeps it in memory.
    const keep = () => {
      const text = `{"kept":1234567890123456789,"text":"${'x'.repeat(2 ** 24)}","list":[${'1,'.repeat(100)}1.0]}`
      return (parseExact(text) as { kept: unknown }).kept
    }
    const before = used()
    const kept = keep()
    expect((used() - before) / 2 ** 20).toBeLessThan(4)
    expect(toNumber(kept)).toBe(Number('1234567890123456789'))
  })
})

describe('whatever the text', () => {
  test('each number is written with the digits that were read', () => {
    fc.assert(
      fc.property(jsonTexts, space, ([compact, spaced], around) => {
        expect(JSON.stringify(parseExact(compact))).toBe(compact)
        expect(JSON.stringify(parseExact(around + spaced + around))).toBe(compact)
      }),
      { numRuns: 2000 },
    )
  })

  test('the value is that of JSON.parse', () => {
    fc.assert(
      fc.property(jsonTexts, ([, text]) => {
        expect(toPlain(parseExact(text))).toEqual(JSON.parse(text))
        expect(toPlain(parseExact(text, JSON.parse(text)))).toEqual(JSON.parse(text))
      }),
      { numRuns: 2000 },
    )
  })

  test('what JSON.parse refuses is refused, and nothing else', () => {
    const part = fc.oneof(
      fc.constantFrom('{', '}', '[', ']', '"', '\\', ':', ',', ' ', 'true', 'null', '-', '+', '.', 'e', 'E', '\n', '\0'),
      anyNumber,
      texts,
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(part, { maxLength: 12 }).map((parts) => parts.join('')),
          fc.tuple(fc.array(part, { maxLength: 4 }), anyNumber).map(([parts, number]) => `[${parts.join('')}${number}]`),
          fc.tuple(anyNumber, part).map(([number, after]) => `{"a":${number}${after}}`),
          fc.tuple(anyNumber, anyNumber).map(([name, number]) => `{${name}:${number}}`),
        ),
        (text) => {
          const expected = parsed(JSON.parse, text)
          expect(toPlain(parsed(parseExact, text))).toEqual(expected)
        },
      ),
      { numRuns: 5000 },
    )
  })
})

describe('a number', () => {
  test.each([
    '1.0',
    '0.10',
    '-0',
    '-0.0',
    '1e5',
    '1E+2',
    '1e400',
    '1e21',
    '0.0000001',
    '1234567890123456789',
    '9007199254740993',
  ])('%s is raw', (text) => {
    const [value] = parseExact(`[${text}]`) as [unknown]
    expect(typeof value).toBe('object')
    expect(isNumber(value)).toBe(true)
    expect(isObject(value)).toBe(false)
    expect(toNumber(value)).toBe(Number(text))
    expect(JSON.stringify({ value })).toBe(`{"value":${text}}`)
  })

  test.each([
    '0',
    '-1',
    '0.5',
    '-0.000001',
    '123456789012345',
    '9007199254740991',
    '100000000000000000000',
    '1e-7',
    '0.1234567890123',
  ])('%s is plain', (text) => {
    expect(parseExact(`[${text}]`)).toEqual([Number(text)])
  })

  test('that is equal to another one is the same object', () => {
    const [first, second, third] = parseExact('[1.0,1.0,2.0]') as unknown[]
    expect(first).toBe(second)
    expect(first).not.toBe(third)
  })

  test('is not found in a string, in a name or in an object that looks like a raw number', () => {
    const text = '{"1.0":"1.0","1e22":"1e22","a":{"rawJSON":"1.0"}}'
    const value = parseExact(text) as { a: object }
    expect(value).toEqual(JSON.parse(text))
    expect(isNumber(value.a)).toBe(false)
    expect(JSON.stringify(value)).toBe(text)
  })

  test('in a `__proto__` stays in a field of that name', () => {
    const value = parseExact('{"__proto__":1.0}') as object
    expect(Object.keys(value)).toEqual(['__proto__'])
    expect(JSON.stringify(value)).toBe('{"__proto__":1.0}')
  })

  test('is found in a text that is a million deep', () => {
    const text = `${'['.repeat(1_000_000)}1.0${']'.repeat(1_000_000)}`
    let value = parseExact(text)
    while (Array.isArray(value)) [value] = value
    expect(toNumber(value)).toBe(1)
    expect(isNumber(value)).toBe(true)
  })

  test('of a million digits is read', () => {
    const text = `[${'1'.repeat(1_000_000)}]`
    expect(JSON.stringify(parseExact(text))).toBe(text)
  })
})

test.each([[null], [undefined], ['1'], [true], [{}], [[]], [[1]]])('%j is no number to compute with', (value) => {
  expect(isNumber(value)).toBe(false)
  expect(toNumber(value)).toBeNaN()
})

test.each([[null], [undefined], ['1'], [1], [[]]])('%j is no object', (value) => {
  expect(isObject(value)).toBe(false)
})
