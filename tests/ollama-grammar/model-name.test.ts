import { isCloud, isModelName, toFullName, toTagged } from '#ollama-grammar/model-name.ts'
import { expect, test } from 'vitest'

test.each(['gemma3', 'gemma3:270m', 'hf.co/a/b:Q4_K_M', 'registry:5000/a/b', 'library/gemma3', '_x'])(
  '%s is a model name',
  (name) => {
    expect(isModelName(name)).toBe(true)
  },
)

test.each(['', ' gemma3', 'gemma3:', ':270m', '../gemma3', 'a/b/c/d', 'https://host/a', 'a b', 'a\nb', 'a?b', 'ä', 'a:1:2'])(
  '%j is no model name',
  (name) => {
    expect(isModelName(name)).toBe(false)
  },
)

test.each([
  ['gemma3', 'gemma3:latest'],
  ['gemma3:270m', 'gemma3:270m'],
  ['registry:5000/a/b', 'registry:5000/a/b:latest'],
])('%s with its tag is %s', (name, tagged) => {
  expect(toTagged(name)).toBe(tagged)
})

test.each([
  ['Gemma3', 'gemma3:latest'],
  ['library/gemma3', 'gemma3:latest'],
  ['registry.ollama.ai/library/gemma3:270m', 'gemma3:270m'],
  ['registry:5000/library/gemma3', 'registry:5000/library/gemma3:latest'],
])('%s is the model %s', (name, full) => {
  expect(toFullName(name)).toBe(full)
})

test.each([
  ['kimi:cloud', true],
  ['gpt-oss:120b-cloud', true],
  ['kimi:CLOUD', true],
  ['cloud', false],
  ['cloudy:cloudless', false],
])('%s runs elsewhere: %s', (name, isElsewhere) => {
  expect(isCloud(name)).toBe(isElsewhere)
})
