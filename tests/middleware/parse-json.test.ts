import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseJson } from '../../src/middleware/parse-json.ts'

const toUtf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const parse = (text: string) => parseJson(toUtf8(text))

function codeOf(bytes: Uint8Array): string {
  try {
    parseJson(bytes)
    return 'accepted'
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('a body', () => {
  test.each([
    ['{}', {}],
    [' \r\n\t{"a":1} \n', { a: 1 }],
    ['\uFEFF{"a":1}', { a: 1 }],
    ['{"a":"[[[{{{"}', { a: '[[[{{{' }],
    ['{"a":"\\"[[","b":"\\\\"}', { a: '"[[', b: '\\' }],
    ['{"a":"\\\\\\"{","b":[]}', { a: '\\"{', b: [] }],
    ['{"a":-0.5,"b":9007199254740991,"c":-9007199254740991}', { a: -0.5, b: 9007199254740991, c: -9007199254740991 }],
    ['{"a":1,"a":2}', { a: 2 }],
    ['{"":null,"é":"\\u00e9"}', { '': null, é: 'é' }],
    ['{"a":"\\ud800"}', { a: '\ud800' }],
    ['{"constructor":1,"toString":{"a":1}}', { constructor: 1, toString: { a: 1 } }],
  ])('is parsed to its value: %s', (text, value) => {
    expect(parse(text)).toEqual(value)
  })

  test('with a `__proto__` has it as a field of its own', () => {
    const body = parse('{"__proto__":{"stream":false}}')
    expect(Object.keys(body)).toEqual(['__proto__'])
    expect(body['stream']).toBeUndefined()
  })

  test.each([
    ['nothing', ''],
    ['white space', ' \r\n\t'],
    ['a BOM', '\uFEFF'],
    ['form data', 'text=hi'],
    ['two objects', '{}{}'],
    ['a cut object', '{"a":'],
    ['a cut text', '{"a":"'],
    ['a cut escape', '{"a":"\\'],
    ['a trailing comma', '{"a":1,}'],
    ['single quotes', "{'a':1}"],
    ['a comment', '{}//'],
    ['NaN', '{"a":NaN}'],
    ['a raw line feed in a text', '{"a":"\n"}'],
    ['closing brackets first', ']]]{}'],
    ['an array', '[]'],
    ['null', 'null'],
    ['a text', '"a"'],
    ['a number', '7'],
    ['true', 'true'],
    ['two BOMs', '\uFEFF\uFEFF{}'],
  ])('that is %s is invalid_json', (_, text) => {
    expect(codeOf(toUtf8(text))).toBe('invalid_json')
  })

  test.each([
    ['a byte that UTF-8 never uses', [0xff]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['an encoded surrogate', [0xed, 0xa0, 0x80]],
    ['a cut character', [0xe2, 0x82]],
  ])('with %s is invalid_json', (_, bytes) => {
    expect(codeOf(Uint8Array.from([...toUtf8('{"a":"'), ...bytes, ...toUtf8('"}')]))).toBe('invalid_json')
  })

  test('that is UTF-16 or gzip is invalid_json', () => {
    expect(codeOf(Buffer.from('\uFEFF{"a":1}', 'utf16le'))).toBe('invalid_json')
    expect(codeOf(Uint8Array.of(0x1f, 0x8b, 8, 0))).toBe('invalid_json')
  })
})

describe('depth', () => {
  test.each([
    ['arrays', '[', ']'],
    ['objects', '{"a":', '}'],
  ])('of %s: 32 is accepted, 33 is not', (_, open, close) => {
    const text = (depth: number) => `{"a":${open.repeat(depth - 1)}${open === '[' ? '' : '1'}${close.repeat(depth - 1)}}`
    expect(codeOf(toUtf8(text(32)))).toBe('accepted')
    expect(codeOf(toUtf8(text(33)))).toBe('invalid_json')
  })

  test.each([
    ['an escaped backslash', '"\\\\"'],
    ['two escaped backslashes', '"\\\\\\\\"'],
    ['an escaped quote', '"\\""'],
    ['both', '"\\\\\\""'],
    ['an empty text', '""'],
  ])('is still counted after a string that ends with %s', (_, text) => {
    expect(codeOf(toUtf8(`{"a":${text},"b":${'['.repeat(31)}${']'.repeat(31)}}`))).toBe('accepted')
    expect(codeOf(toUtf8(`{"a":${text},"b":${'['.repeat(32)}${']'.repeat(32)}}`))).toBe('invalid_json')
  })

  test('does not count siblings, nor brackets in a string', () => {
    expect(codeOf(toUtf8(`{"a":[${'[],'.repeat(1000)}[]]}`))).toBe('accepted')
    expect(codeOf(toUtf8(`{"a":${JSON.stringify('[{"\\'.repeat(1000))}}`))).toBe('accepted')
  })

  test.each(['[', '{"a":', '{"a":[', '"[', '\\"['])('of five million is refused fast: %s', (part) => {
    const bytes = toUtf8(part.repeat(5_000_000))
    const start = performance.now()
    expect(codeOf(bytes)).toBe('invalid_json')
    expect(performance.now() - start).toBeLessThan(3000)
  })

  test.each([
    ['backslashes', `{"a":"${'\\\\'.repeat(2_000_000)}"}`],
    ['quotes', `{"a":"${'\\"'.repeat(2_000_000)}"}`],
    ['texts', `{"a":[${'"",'.repeat(1_000_000)}""]}`],
  ])('is measured in linear time among %s', (_, text) => {
    const bytes = toUtf8(text)
    const start = performance.now()
    expect(codeOf(bytes)).toBe('accepted')
    expect(performance.now() - start).toBeLessThan(3000)
  })
})

describe('a number', () => {
  test.each(['1e400', '-1e400', '9007199254740992', '9007199254740993', '1e16', '12345678901234567890', '-0', '1.0', '1E+2'])(
    '%s keeps its digits',
    (number) => {
      const text = `{"options":{"a":[0,{"seed":${number}}]}}`
      expect(JSON.stringify(parse(text))).toBe(text)
    },
  )

  test.each(['0', '9007199254740991', '0.1', '5e-324'])('%s stays what it is', (number) => {
    expect(parse(`{"a":${number}}`)).toEqual({ a: Number(number) })
  })

  test('in millions costs memory in proportion: 16 MB of them', () => {
    const bytes = toUtf8(`{"context":[${'0,'.repeat(8_000_000)}0]}`)
    const start = performance.now()
    expect(parseJson(bytes)['context']).toHaveLength(8_000_001)
    // A version that made an entry and a path for each value took 3.5 s and 1.5 GB.
    expect(performance.now() - start).toBeLessThan(3000)
  })
})

describe('any body', () => {
  /** Measures the depth of a value independently of our code. */
  const depthOf = (value: unknown): number =>
    typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0
  const values = fc.oneof(
    fc.jsonValue(),
    fc.jsonValue({ maxDepth: 8, stringUnit: 'binary' }),
    fc.json().map((text) => JSON.parse(text) as unknown),
  )
  const objects = fc.oneof(
    fc.dictionary(fc.string({ unit: 'binary' }), values),
    // Values whose depth is a little below or above the limit.
    fc.tuple(fc.integer({ min: 26, max: 40 }), fc.boolean(), values).map(([depth, isArray, value]) => {
      let nested: unknown = value
      for (let i = 1; i < depth; i++) nested = isArray ? [nested] : { '[': nested, '"': '[{\\' }
      return { a: nested }
    }),
  )

  test('the result is that of JSON.parse, unless the body is too deep', () => {
    fc.assert(
      fc.property(objects, fc.constantFrom(undefined, 1, '\r\n\t'), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent)
        const parsed = JSON.parse(text) as object
        const code = codeOf(toUtf8(text))
        if (depthOf(parsed) > 32) expect(code).toBe('invalid_json')
        else expect(JSON.stringify(parse(text))).toBe(JSON.stringify(parsed))
      }),
      { numRuns: 500 },
    )
  })

  test('parseJson refuses whatever JSON.parse refuses', () => {
    const parts = fc.array(
      fc.constantFrom('{', '}', '[', ']', '"', '\\', ':', ',', '1', 'a', ' ', 'null', 'true', '-', '.', 'e', '\n'),
      { maxLength: 12 },
    )
    fc.assert(
      fc.property(
        fc.oneof(
          parts.map((all) => all.join('')),
          fc.string({ unit: 'binary' }),
          parts.map((all) => `{"a":${all.join('')}}`),
        ),
        (text) => {
          let value: unknown
          try {
            value = JSON.parse(text.replace(/^\uFEFF/, ''))
          } catch {}
          const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
          if (!isObject) expect(codeOf(toUtf8(text))).toBe('invalid_json')
          else expect(codeOf(toUtf8(text))).toBe('accepted')
        },
      ),
      { numRuns: 1000 },
    )
  })

  test('parseJson throws no error except invalid_json, for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
        expect(['accepted', 'invalid_json']).toContain(codeOf(bytes))
      }),
    )
  })
})
