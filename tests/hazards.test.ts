import { expect, test } from 'vitest'
import { findCitations, hasTest, readPage } from './citations.ts'

const page = readPage('docs/hazards.md')
const numbers = [...page.matchAll(/^(\d+)\. <a id="\1"><\/a>/gm)].map(([, number]) => Number(number))
const rows = [...page.matchAll(/^\| \[(\d+)\]\(#\1\) \| (\S+) \| (.*?) ?\|$/gm)].map(([, number, file = '', title = '']) => ({
  number: Number(number),
  file,
  title,
}))

test('every hazard is in the table that says where it is tested', () => {
  expect(numbers.length).toBeGreaterThan(50)
  expect(rows.map(({ number }) => number)).toEqual(numbers)
})

test('every hazard that is cited is defined, and none is defined twice', () => {
  const citations = findCitations(/\bhazards?(?: |\.md#)\d+(?:(?:, | and | to |–)\d+)*/gi)
  expect(citations.length).toBeGreaterThan(100)
  expect(
    citations.filter(({ number }) => !numbers.includes(number)),
    'add the hazard to docs/hazards.md, or cite one of its numbers',
  ).toEqual([])
  expect(numbers).toEqual([...new Set(numbers)])
})

test.each(rows.filter(({ file }) => file.includes('/')))('hazard $number is tested in $file: $title', (row) => {
  expect(hasTest(row), 'correct the row in “Where each is tested” of docs/hazards.md').toBe(true)
})
