import { describe, expect, test } from 'vitest'
import { filterModels, toModels } from '../../src/upstreams/models.ts'
import { parseExact } from '../../src/exact-json.ts'
import type { Answer } from '../../src/upstreams/upstream.ts'

const toAnswer = (text: string): Answer => ({ text, value: parseExact(text) as Answer['value'] })
const namesOf = (answer: Answer) => toModels(answer).map(({ name }) => name)
const isFit = (name: string) => name !== 'b'

test.each(['{}', '{"models":null}', '{"models":{"name":"a"}}', '{"models":"a"}', '{"models":[]}'])(
  '%s lists no model',
  (text) => {
    expect(toModels(toAnswer(text))).toEqual([])
  },
)

test('an entry without a name is no model', () => {
  expect(namesOf(toAnswer('{"models":[{"name":"a"},null,"b",1.0,[],{},{"name":1.0},{"name":null},{"name":"c"}]}'))).toEqual([
    'a',
    'c',
  ])
})

describe('a list of which every model may be used', () => {
  test.each(['{ "models":[{"name":"a","size":1.0}]}', '{"models":null}', '{ }'])('stays as Ollama wrote it: %s', (text) => {
    expect(filterModels(toAnswer(text), isFit).text).toBe(text)
  })
})

test('a list with an entry that is no model loses this entry', () => {
  expect(filterModels(toAnswer('{ "models":[{"name":"a"},{"size":3}]}'), isFit).text).toBe('{"models":[{"name":"a"}]}')
})

test('another list has only the models that may be used, and numbers keep their digits', () => {
  const answer = toAnswer('{ "models":[{"name":"a","size":1.0},{"name":"b"},{"size":3},null],"more":1e400}')
  const filtered = filterModels(answer, isFit)
  expect(filtered.text).toBe('{"models":[{"name":"a","size":1.0}],"more":1e400}')
  expect(namesOf(filtered)).toEqual(['a'])
})
