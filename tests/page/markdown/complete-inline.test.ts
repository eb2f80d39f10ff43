import * as fc from 'fast-check'
import type { Token, Tokens } from 'marked'
import { expect, test } from 'vitest'
import { completeInline } from '#page/markdown/complete-inline.ts'
import { lexInline } from '#page/markdown/lexer.ts'

test.each([
  ['a **b', 'a **b**'],
  ['a **b*', 'a **b**'],
  ['a **b**', 'a **b**'],
  ['a **b ', 'a **b**'],
  ['a *b', 'a *b*'],
  ['a _b', 'a _b_'],
  ['a __b', 'a __b__'],
  ['a ***b', 'a ***b***'],
  ['***a* b', '***a* b**'],
  ['***a** b', '***a** b*'],
  ['**a *b', '**a *b***'],
  ['**a _b', '**a _b_**'],
  ['**a* b', '**a* b*'],
  ['**a*b', '**a*b**'],
  ['_a_b', '_a_b_'],
  ['**a** b', '**a** b'],
  ['a ~~b', 'a ~~b~~'],
  ['~~a **b', '~~a **b**~~'],
  ['~~a~~ b', '~~a~~ b'],
  ['a `b', 'a `b`'],
  ['a `b ', 'a `b `'],
  ['a ``b', 'a ``b``'],
  ['a ``b`', 'a ``b``'],
  ['a ``b ` c', 'a ``b ` c``'],
  ['`a` and `b', '`a` and `b`'],
  ['`a **b', '`a **b`'],
  ['**a `b', '**a `b`**'],
  ['a \\`b **c', 'a \\`b **c**'],
])('emphasis and code that are half open are closed: %j', (text, whole) => {
  expect(completeInline(text)).toBe(whole)
})

test.each([
  ['a [b', 'a b'],
  ['a [b]', 'a b'],
  ['a [b](', 'a b'],
  ['a [b](http', 'a b'],
  ['a [b](http://c_(d', 'a b'],
  ['a [b](http://c "d e', 'a b'],
  ['a [b](<c d', 'a b'],
  ['a [b](c) d', 'a [b](c) d'],
  ['a [b](c_(d)) *e', 'a [b](c_(d)) *e*'],
  ['a [b] c', 'a [b] c'],
  ['a [b](c d', 'a [b](c d'],
  ['**a [b](http', '**a b**'],
  ['[a **b', 'a **b**'],
  ['[a **b](c) d', '[a **b](c) d'],
  ['a ![b', 'a ![b]()'],
  ['a ![b](http', 'a ![b]()'],
  ['a ![b *c', 'a ![b *c]()'],
  ['[![a](b)](http', '![a](b)'],
  ['[![a](b', '![a]()'],
])('until its address is whole, a link is shown as its text, and an image as its label: %j', (text, whole) => {
  expect(completeInline(text)).toBe(whole)
})

test.each(['a *', 'a **', 'a `', 'a ``', 'a ~~', 'a _', 'a <', 'a [', 'a ![', 'a **[', 'a \\'])(
  'marks at the end that have not begun anything are left off: %j',
  (text) => {
    expect(completeInline(text)).toBe('a')
  },
)

test.each([
  'snake_case_name',
  'a_b',
  '2*3',
  '2*3*4 = 24',
  '2 * 3',
  'a ** b',
  'a ~ b',
  'a ~b',
  'costs $5 and',
  'a \\*b',
  'a \\[b',
  'https://a.b/_c*d',
  'see https://a.b/_c_d',
  '_https://a.b_ c',
  'wow! b',
  '- b',
])('text without half-open Markdown is unchanged: %j', (text) => {
  expect(completeInline(text)).toBe(text)
})

test.each([
  ['**中文。', '**中文。**'],
  ['中文**“引用”', '中文**“引用”**'],
  ['中文**强调**中文**再', '中文**强调**中文**再**'],
  ['**“引用”**的*字', '**“引用”**的*字'],
  ['**中文。**后 *字', '**中文。**后 *字*'],
])('emphasis is right beside Chinese: %j', (text, whole) => {
  expect(completeInline(text)).toBe(whole)
})

const words = fc.constantFrom('word', 'two words', 'snake_case', '中文。', '“引用”', '(in)', 'a, b', 'x2', '\\*', '3 < 4', 'e!')
const code = fc.constantFrom('`code`', '`a * b`', '``a b``', '`[x](y)`', '`**`')
const { inline } = fc.letrec<{ inline: string; mixed: string }>((tie) => ({
  mixed: fc.array(tie('inline'), { minLength: 1, maxLength: 4 }).map((parts) => parts.join(' ')),
  inline: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    words,
    code,
    ...(['**', '*', '_', '~~', '***'] as const).map((mark) =>
      tie('mixed')
        .filter((text) => !text.replace(/\\./g, '').includes(mark[0]!))
        .map((text) => mark + text + mark),
    ),
    tie('mixed')
      .filter((text) => !text.includes(']('))
      .map((text) => `[${text}](https://a.b/c_(d)?e=*f*)`),
  ),
}))

test('the shown text of each prefix is a prefix of the whole shown text: nothing flickers', () => {
  fc.assert(
    fc.property(fc.array(inline, { minLength: 1, maxLength: 5 }), (parts) => {
      const text = parts.join(' ')
      const whole = toText(lexInline(text, {}))
      for (let end = 1; end <= text.length; end++) {
        const shown = toText(lexInline(completeInline(text.slice(0, end)), {})).trimEnd()
        expect(whole.startsWith(shown), `${text.slice(0, end)} shows ${shown}`).toBe(true)
      }
    }),
    { numRuns: 300 },
  )
})

function toText(tokens: readonly Token[]): string {
  return tokens.map((token) => ('tokens' in token ? toText(token.tokens ?? []) : (token as Tokens.Text).text)).join('')
}
