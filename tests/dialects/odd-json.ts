import * as fc from 'fast-check'

/** A word in some generated texts and names. Sluice's report on a request must not repeat it. */
export const canary = 'cAnArY'

const names = ['__proto__', 'constructor', 'toString', 'valueOf', 'length', 'then', 'type', 'name', 'function', canary]
const texts = [
  '',
  ' ',
  '{',
  '[]',
  '{}',
  'null',
  '0',
  'true',
  'auto',
  'required',
  'none',
  `${canary}\r\nset-cookie: a=b`,
  canary,
]
const numbers = [0, 1, 2, -1, 0.5, 1000, 2 ** 31, -(2 ** 40)]
const scalar = fc.oneof(fc.constantFrom(null, true, false), fc.constantFrom(...numbers), fc.constantFrom(...texts), fc.string())
const key = fc.oneof(fc.constantFrom(...names), fc.string())

/** Makes objects as `JSON.parse` does, where `__proto__` is an ordinary name. */
const toObject = (fields: readonly (readonly [string, unknown])[]): unknown => Object.fromEntries(fields)

/** Any JSON value that is nested at most three deep. */
export const oddJson: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    { arbitrary: scalar, weight: 3 },
    fc.array(tie('value'), { maxLength: 3 }),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 3 }).map(toObject),
  ),
})).value

/** A JSON text, which is incomplete in some cases. */
export const jsonText: fc.Arbitrary<string> = fc
  .tuple(oddJson, fc.option(fc.nat({ max: 30 }), { nil: undefined }))
  .map(([value, end]) => JSON.stringify(value).slice(0, end))

export { key as oddName }
