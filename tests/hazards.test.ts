import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../', import.meta.url))
const page = readFileSync(`${root}docs/hazards.md`, 'utf8')
const numbers = [...page.matchAll(/^(\d+)\. /gm)].map(([, number]) => Number(number))
const rows = [...page.matchAll(/^\| (\d+) \| (\S+) \| (.*?) ?\|$/gm)].map(([, number, file = '', title = '']) => ({
  number: Number(number),
  file,
  title,
}))

test('every hazard is in the table that says where it is tested', () => {
  expect(numbers.length).toBeGreaterThan(50)
  expect(rows.map(({ number }) => number)).toEqual(numbers)
})

test.each(rows.filter(({ file }) => file.startsWith('tests/')))(
  'hazard $number is tested in $file: $title',
  ({ file, title }) => {
    expect(existsSync(root + file)).toBe(true)
    expect(title).not.toBe('')
    expect(readFileSync(root + file, 'utf8')).toContain(title)
  },
)
