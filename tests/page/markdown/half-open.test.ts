import { expect, test } from 'vitest'
import { toShownLength, toTable } from '#page/markdown/half-open.ts'

test.each([
  '-',
  '- ',
  '*',
  '**',
  '1',
  '12.',
  '1. ',
  '#',
  '## ',
  '>',
  '> - ',
  '=',
  '---',
  '`',
  '```',
  '```py',
  '~~~',
  '|',
  '|--',
  '| :-: |',
  '- [',
  '- [ ]',
  '  ',
  '',
])('a last line whose kind is still open is not shown yet: %j', (line) => {
  expect(toShownLength(`a\n${line}`)).toBe(2)
})

test.each(['a', '- a', '1. a', '**a', '# a', '> a', '`a', '| a', '3.14 is', '-a', '- [x] a', '[a'])(
  'a last line whose kind is clear is shown: %j',
  (line) => {
    expect(toShownLength(`a\n${line}`)).toBe(2 + line.length)
  },
)

test.each([
  ['| a', ['a']],
  ['| a | b', ['a', 'b']],
  ['| a | b |', ['a', 'b']],
  ['| a \\| b', ['a | b']],
])('a line with bars is a table already: %j', (row, names) => {
  expect(toTable(row)?.header.map(({ text }) => text)).toEqual(names)
})

test.each(['a | b', 'a', '|', '| a |\ntext', ''])(
  'a text that does not begin with a bar, or has more than one line or no cell, is no table yet: %j',
  (text) => {
    expect(toTable(text)).toBeUndefined()
  },
)
