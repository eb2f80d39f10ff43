import { describe, expect, test } from 'vitest'
import { loadRecording, toBytes } from '#fake-ollama/recording.ts'
import { model, models } from '../../../src/dialects/openai/models.ts'

const modified_at = '2026-11-22T10:14:03.685386293Z'
const value = { models: ['gemma3:270m', 'me/mine:latest', 'smollm2:135m'].map((name) => ({ name, modified_at })) }
const aliases = [
  ['gpt-4o', 'gemma3:270m'],
  ['assistant', 'Me/Mine'],
  ['smollm2:135m', 'registry.ollama.ai/library/Gemma3:270m'],
  ['lost', 'gone:7b'],
] as const
const created = Date.parse(modified_at) / 1000

const list = (answer: object = { aliases }) => models().toAnswer!({ text: '', value, ...answer }) as { data: { id: string }[] }
const find = (id: string) => model({ params: { id }, body: {} }).toAnswer!({ text: '', value, aliases }) as { id: string }

test('aliases of installed models are listed after the models, once each, with the data of their model', () => {
  const { data } = list()
  expect(data.map(({ id }) => id)).toEqual(['gemma3:270m', 'me/mine:latest', 'smollm2:135m', 'gpt-4o', 'assistant'])
  expect(data.at(-1)).toEqual({ id: 'assistant', object: 'model', created: Math.floor(created), owned_by: 'me' })
  expect(list({}).data).toHaveLength(3)
})

test.each([
  ['me/mine', 'me/mine:latest'],
  ['Gemma3:270M', 'gemma3:270m'],
  ['library/gemma3:270m', 'gemma3:270m'],
  ['gpt-4o', 'gpt-4o'],
])('%s is found, with the id %s', (id, found) => {
  expect(find(id).id).toBe(found)
})

test.each(['lost', 'gone:7b', 'gpt-4o:latest', 'GPT-4o', 'gemma3', ''])('there is no %s', (id) => {
  expect(() => find(id)).toThrow(expect.objectContaining({ code: 'model_not_found' }))
})

const toAnswer = (value: object) => ({ text: JSON.stringify(value), value: value as Record<string, unknown> })
const recorded = toAnswer(JSON.parse(Buffer.from(toBytes(loadRecording('tags'))).toString()) as object)
const retrieve = (id: string, answer = recorded) => model({ params: { id }, body: {} }).toAnswer!(answer)

describe('models', () => {
  test('are Ollama’s', () => {
    const { toAnswer: toList } = models()
    expect(toList!(recorded)).toMatchObject({
      object: 'list',
      data: [
        { id: 'thinky:latest', object: 'model', created: 1795765637, owned_by: 'library' },
        { id: 'tooly:latest' },
        { id: 'gemma3:270m' },
        { id: 'smollm2:135m' },
      ],
    })
    expect(toList!(toAnswer({ models: null }))).toEqual({ object: 'list', data: [] })
  })

  test.each([
    ['thinky', 'thinky:latest'],
    ['thinky:latest', 'thinky:latest'],
    ['gemma3:270m', 'gemma3:270m'],
  ])('%s is %s', (id, found) => {
    expect(retrieve(id)).toMatchObject({ id: found, object: 'model' })
  })

  test.each([
    ['hf.co/me/model:Q4', 'me'],
    ['localhost:5000/me/model', 'me'],
    ['me/model', 'me'],
  ])('%s is owned by %s', (name, owned_by) => {
    const answer = toAnswer({ models: [{ name: name.endsWith(':Q4') ? name : `${name}:latest` }] })
    expect(retrieve(name, answer)).toMatchObject({ owned_by, created: 0 })
  })

  test.each(['gemma3', 'gemma3:latest', 'thinky:', '', 'x'.repeat(5000), '../x', '<b>'])('%j is none', (id) => {
    const error = expect.objectContaining({ code: 'model_not_found', status: 404 }) as unknown
    expect(() => retrieve(id)).toThrow(error)
  })
})
