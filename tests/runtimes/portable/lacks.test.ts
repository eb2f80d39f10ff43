import { expect, test } from 'vitest'
import { hasTest, readPage } from '../../citations.ts'
import { lacks } from './lacks.ts'

const runtimes = { node: 'Node', bun: 'Bun', worker: 'workerd' } as const

test('docs/hazards.md has the same table of what the portable defaults cannot do', () => {
  const rows = Object.values(lacks).map(
    ({ ability, on, instead, why, file }) =>
      `| ${ability} | ${on.map((runtime) => runtimes[runtime]).join(', ')} | ${instead} | ${why} | ${file} |`,
  )
  const [, table = ''] = /^\| They cannot \| .*\n\|[-|]+\n((?:\|.*\n)+)/m.exec(readPage('docs/hazards.md')) ?? []
  expect(table.trimEnd().split('\n'), 'the table in docs/hazards.md must be that of lacks.ts').toEqual(rows)
})

test.each(Object.values(lacks))('a test expects what happens instead: $ability', ({ file, title }) => {
  expect(hasTest({ number: 0, file, title })).toBe(true)
})
