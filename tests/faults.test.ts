import { expect, test } from 'vitest'
import { faults } from '#fake-ollama/faults.ts'
import { findCitations, hasTest, readPage } from './citations.ts'

const rows = [...readPage('docs/faults.md').matchAll(/^\| <a id="F(\d+)"><\/a>F\1 \|(.+)\| (\S+) \| (.+) \|$/gm)].map(
  ([, number, words = '', file = '', title = '']) => ({ number: Number(number), words, file, title }),
)
const numbers = rows.map(({ number }) => number)

test('the faults are numbered from F1, each once and in order', () => {
  expect(numbers.length).toBeGreaterThanOrEqual(33)
  expect(numbers, 'number the rows of docs/faults.md').toEqual(numbers.map((_, i) => i + 1))
})

test('every fault that is cited is defined', () => {
  const citations = findCitations(/\bF\d{1,2}\b/g)
  for (const folder of ['src/', 'packages/', 'tests/', 'docs/'])
    expect(citations.some(({ place }) => place.startsWith(folder))).toBe(true)
  expect(
    citations.filter(({ number }) => !numbers.includes(number)),
    'add the fault to docs/faults.md, or cite one of its numbers',
  ).toEqual([])
})

test.each(rows)('F$number says what goes wrong and what must happen, and is tested in $file: $title', (row) => {
  expect(row.words).toMatch(/^ [^|]+\. \| [^|]+\. $/)
  expect(hasTest(row), `correct the test of F${row.number} in docs/faults.md`).toBe(true)
})

test('every fault whose test is a table of the fake Ollama’s has a row there', () => {
  const ids = new Set(faults.map(({ id }) => id))
  const missing = rows.filter(({ number, title }) => title.includes('$id') && !ids.has(`F${number}`))
  expect(missing, 'add the fault to packages/fake-ollama/faults.ts, or name another test in docs/faults.md').toEqual([])
})
