import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { mutations } from './mutations.ts'

test.each(mutations)('$file has the text of a mutation once: $from', ({ file, from, test: name }) => {
  const source = readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8')
  expect(source.split(from)).toHaveLength(2)
  expect(() => readFileSync(new URL(`../${name}.test.ts`, import.meta.url))).not.toThrow()
})
