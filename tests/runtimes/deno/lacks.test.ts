import { expect, test } from 'vitest'
import { hasTest, readPage } from '../../citations.ts'
import { lacks } from './lacks.ts'

test('docs/deploy.md has the same table of what is different on Deno', () => {
  const rows = lacks.map(({ ability, instead, why, file }) => `| ${ability} | ${instead} | ${why} | ${file} |`)
  const [, table = ''] = /^\| On Deno it cannot \| .*\n\|[-|]+\n((?:\|.*\n)+)/m.exec(readPage('docs/deploy.md')) ?? []
  expect(table.trimEnd().split('\n'), 'the table in docs/deploy.md must be that of lacks.ts').toEqual(rows)
})

test.each(lacks)('a test expects what happens instead: $ability', ({ file, title }) => {
  expect(hasTest({ number: 0, file, title })).toBe(true)
})
