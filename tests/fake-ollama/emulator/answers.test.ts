import { expect, test } from 'vitest'
import { toAnswer } from '#fake-ollama/emulator/answers.ts'
import { createRandom } from '#fake-ollama/emulator/seeded.ts'

const answer = (question: string) => toAnswer(question, createRandom('1'))

test.each([
  ['What is Sluice?', 'exactly one honest terminal'],
  ['How do I stop an answer?', 'stops the GPU'],
  ['I leave. What happens to the GPU?', 'AbortController'],
  ['What do errors look like?', 'event: failed'],
  ['SSE or NDJSON?', 'application/x-ndjson'],
  ['How do I use it from the browser?', 'TextDecoderStream'],
  ['How do I run it with a real Ollama?', 'OLLAMA_HOST'],
  ['Does it run on Bun?', 'npm run start:bun'],
  ['And on Workers?', 'npm run start:worker'],
  ['Which models are there?', 'demo-thinking'],
  ['Some emoji, please', '👨‍👩‍👧‍👦'],
  ['Hello', '/slow-start 10'],
  ['', '/slow-start 10'],
  ['Sluice 是什么？', '读者一离开'],
  ['怎样停止？', '中止'],
  ['出错时是什么样子？', 'event: failed'],
  ['怎样接上真正的 Ollama？', 'OLLAMA_HOST'],
  ['来点表情', '👩‍💻'],
  ['你好', '/slow-start 10'],
])('%s', (question, expected) => {
  expect(answer(question)).toContain(expected)
})

test('a question in Chinese gets Chinese, one in Japanese does not', () => {
  expect(answer('你好')).toMatch(/\p{Script=Han}{3}/u)
  expect(answer('日本語でお願いします')).toContain('Ask me:')
})

test('every question that the greeting suggests has an answer of its own', () => {
  const greeting = answer('Hello')
  const suggested = Array.from(greeting.matchAll(/^- (.*)$/gm), ([, question = '']) => question)
  expect(suggested.length).toBeGreaterThan(6)
  for (const question of suggested) expect(answer(question), question).not.toContain('Ask me:')
})
