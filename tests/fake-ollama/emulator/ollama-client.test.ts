import { Ollama } from 'ollama/browser'
import { expect, test } from 'vitest'
import { createFastEmulator } from './ask.ts'

const { fetch } = createFastEmulator()
const ollama = new Ollama({ host: 'http://demo:11434', fetch })
const messages = [{ role: 'user', content: 'what is Sluice?' }]

test('chats, streaming', async () => {
  let text = ''
  let reason = ''
  for await (const part of await ollama.chat({ model: 'demo', messages, stream: true })) {
    text += part.message.content
    reason = part.done_reason
  }
  expect(text).toContain('honest terminal')
  expect(reason).toBe('stop')
})

test('generates, not streaming', async () => {
  const { response, eval_count, created_at } = await ollama.generate({
    model: 'demo',
    prompt: 'hi',
    options: { num_predict: 3 },
  })
  expect(response).not.toBe('')
  expect(eval_count).toBe(3)
  expect(new Date(created_at).getTime()).toBeLessThanOrEqual(Date.now() + 1)
})

test('thinks', async () => {
  const { message } = await ollama.chat({ model: 'demo-thinking', messages, think: 'low' })
  expect(message.thinking).toContain('what is Sluice?')
  expect(message.content).toContain('honest terminal')
})

test('calls a tool, and answers with its result', async () => {
  const tools = [
    {
      type: 'function',
      function: {
        name: 'get_weather',
        parameters: { type: 'object', required: ['city'], properties: { city: { type: 'string' } } },
      },
    },
  ]
  const question = { role: 'user', content: 'How is the weather in Oslo?' }
  const { message } = await ollama.chat({ model: 'demo-tools', messages: [question], tools })
  expect(message.tool_calls?.map((call) => call.function)).toMatchObject([{ name: 'get_weather', arguments: { city: 'Oslo' } }])
  const result = { role: 'tool', tool_name: 'get_weather', content: '-3 °C and snow' }
  const second = await ollama.chat({ model: 'demo-tools', messages: [question, message, result], tools })
  expect(second.message.content).toContain('-3 °C and snow')
})

test('embeds: unit vectors, the same for the same text, nearer for a similar one', async () => {
  const { embeddings } = await ollama.embed({
    model: 'demo-embed',
    input: ['the cat sat', 'the cat ran', 'blue whales', 'the cat sat'],
  })
  const dot = (a = 0, b = 0) => (embeddings[a] ?? []).reduce((sum, value, at) => sum + value * (embeddings[b]?.[at] ?? 0), 0)
  for (const at of [0, 1, 2, 3]) expect(dot(at, at)).toBeCloseTo(1, 6)
  expect(embeddings[0]).toEqual(embeddings[3])
  expect(dot(0, 1)).toBeGreaterThan(dot(0, 2))
  const short = await ollama.embed({ model: 'demo-embed', input: 'cat', dimensions: 8 })
  expect(short.embeddings[0]).toHaveLength(8)
  expect((await ollama.embeddings({ model: 'demo-embed', prompt: 'cat' })).embedding).toHaveLength(256)
})

test('lists, shows, and sees what is loaded', async () => {
  const { models } = await ollama.list()
  expect(models.map(({ name }) => name)).toEqual([
    'demo:latest',
    'demo-thinking:latest',
    'demo-tools:latest',
    'demo-embed:latest',
  ])
  for (const { digest } of models) expect(digest).toMatch(/^[0-9a-f]{64}$/)
  expect((await ollama.show({ model: 'demo-tools' })).capabilities).toEqual(['completion', 'tools'])
  expect((await ollama.version()).version).toContain('demo')
  await ollama.generate({ model: 'demo', prompt: '' })
  expect((await ollama.ps()).models.map(({ name }) => name)).toContain('demo:latest')
  await ollama.generate({ model: 'demo', prompt: '', keep_alive: 0 })
  expect((await ollama.ps()).models.map(({ name }) => name)).not.toContain('demo:latest')
})

test('throws the error text of Ollama', async () => {
  await expect(ollama.chat({ model: 'nope', messages })).rejects.toThrow("model 'nope' not found")
  await expect(ollama.show({ model: 'nope' })).rejects.toThrow("model 'nope' not found")
  await expect(ollama.embed({ model: 'nope', input: 'x' })).rejects.toThrow('model "nope" not found, try pulling it first')
  const broken = await ollama.chat({ model: 'demo', messages: [{ role: 'user', content: '/fail after 2' }], stream: true })
  const read = async () => {
    for await (const part of broken) expect(part.done).toBe(false)
  }
  await expect(read()).rejects.toThrow('unexpected EOF')
})

test('abort() ends a stream', async () => {
  const stream = await ollama.chat({ model: 'demo', messages: [{ role: 'user', content: '/stall after 2' }], stream: true })
  let seen = 0
  const read = async () => {
    for await (const part of stream) if (++seen === 2) queueMicrotask(() => part && stream.abort())
  }
  await expect(read()).rejects.toThrow(/abort/i)
})
