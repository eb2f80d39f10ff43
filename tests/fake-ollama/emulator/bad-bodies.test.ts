import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createEmulator } from '#fake-ollama/emulator/emulator.ts'
import { post } from './ask.ts'

const emulator = createEmulator({ tokensPerSecond: Infinity, coldStartMs: 0 })
const paths = ['/api/generate', '/api/chat', '/api/embed', '/api/embeddings', '/api/show']
const models = ['demo', 'demo-thinking', 'demo-tools', 'demo-embed', '']

test('a request with any values in its fields gets an answer or an error text', async () => {
  const field = fc.constantFrom(
    'model',
    'prompt',
    'messages',
    'stream',
    'options',
    'format',
    'tools',
    'think',
    'keep_alive',
    'images',
    'context',
    'input',
  )
  const body = fc.record({
    path: fc.constantFrom(...paths),
    model: fc.constantFrom(...models),
    wrong: fc.dictionary(field, fc.jsonValue({ maxDepth: 3 }), { maxKeys: 3 }),
  })
  await fc.assert(
    fc.asyncProperty(body, async ({ path, model, wrong }) => {
      const base = {
        model,
        prompt: 'hi',
        messages: [{ role: 'user', content: 'hi' }],
        input: 'hi',
        options: { num_predict: 3 },
      }
      const response = await post(emulator, path, { ...base, ...wrong })
      const text = await response.text()
      if (response.status === 200) expect(text).toMatch(/^\{.*\}\n?$/s)
      else expect(JSON.parse(text)).toEqual({ error: expect.any(String) as string })
    }),
    { numRuns: 500 },
  )
})

test('a body that is no JSON is refused with the error text of Go', async () => {
  const refusal = async (body: string) => ((await (await post(emulator, '/api/chat', body)).json()) as { error: string }).error
  expect(await refusal('hello')).toBe("invalid character 'h' looking for beginning of value")
  expect(await refusal('{"model":')).toBe('unexpected EOF')
  expect(await refusal('[]')).toBe('json: cannot unmarshal array into Go value of type api.ChatRequest')
  expect(await refusal('{"model":"demo","messages":[5]}')).toContain(
    'cannot unmarshal number into Go struct field ChatRequest.messages',
  )
})

test('a prompt of megabytes is answered as soon as any other', async () => {
  const started = performance.now()
  const messages = [{ role: 'user', content: 'Ada 中 "'.repeat(300_000) }]
  const response = await post(emulator, '/api/chat', { model: 'demo', messages, format: 'json' })
  await response.text()
  expect(performance.now() - started).toBeLessThan(2000)
})
