import { describe, expect, test } from 'vitest'
import { createFastEmulator, generate, post, readLines, toText, toThinking } from './ask.ts'
import type { Line } from './ask.ts'

const emulator = createFastEmulator()
const seeded = (rest: object = {}) => ({ options: { seed: 7, ...rest } })

function chat(body: object): Promise<Response> {
  return post(emulator, '/api/chat', body)
}

function user(content: string) {
  return [{ role: 'user', content }]
}

describe('seed', () => {
  test('the same seed and request give the same answer, cut into the same tokens', async () => {
    const answers = await Promise.all([1, 2].map(() => generate(emulator, 'what is Sluice?', seeded())))
    const [one, other] = answers.map((lines) => lines.map((line) => line.response))
    expect(one).toEqual(other)
  })

  test('a stream and stream:false give the same text', async () => {
    const [once] = await generate(emulator, 'what is Sluice?', { ...seeded(), stream: false })
    expect(once?.response).toBe(toText(await generate(emulator, 'what is Sluice?', seeded())))
  })

  test('temperature 0 gives the same answer every time', async () => {
    const ask = async () => toText(await generate(emulator, 'hi', { options: { temperature: 0 } }))
    expect(await ask()).toBe(await ask())
  })

  test('without a seed answers vary', async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => generate(emulator, 'hi')))
    expect(new Set(answers.map(toText)).size).toBeGreaterThan(1)
  })
})

describe('length', () => {
  test('num_predict cuts the answer, and done_reason is length', async () => {
    const all = await generate(emulator, 'hi', seeded())
    const cut = await generate(emulator, 'hi', seeded({ num_predict: 9 }))
    expect(cut.length).toBe(10)
    expect(cut.at(-1)).toMatchObject({ done: true, done_reason: 'length', eval_count: 9 })
    expect(toText(all).startsWith(toText(cut))).toBe(true)
    expect(all.at(-1)).toMatchObject({ done: true, done_reason: 'stop', eval_count: all.length - 1 })
  })

  test('a stop sequence that spans tokens ends the answer before it', async () => {
    const all = toText(await generate(emulator, 'hi', seeded()))
    const stop = all.slice(40, 52)
    const lines = await generate(emulator, 'hi', seeded({ stop: ['no such text', stop] }))
    expect(toText(lines)).toBe(all.slice(0, all.indexOf(stop)))
    expect(lines.at(-1)).toMatchObject({ done: true, done_reason: 'stop' })
  })

  test('the context of an answer begins with the context that was sent', async () => {
    const [first] = await generate(emulator, 'hi', { ...seeded(), stream: false })
    const [second] = await generate(emulator, 'and then?', { ...seeded(), stream: false, context: first?.context })
    expect(second?.context?.slice(0, first?.context?.length)).toEqual(first?.context)
  })

  test('a raw request gets no context', async () => {
    const lines = await generate(emulator, 'hi', { raw: true, options: { num_predict: 2 } })
    expect(lines.at(-1)).not.toHaveProperty('context')
  })
})

test('the answer names the model as it was asked for', async () => {
  const lines = await generate(emulator, 'hi', { model: 'Demo', options: { num_predict: 1 } })
  expect(lines.map((line) => line.model)).toEqual(['Demo', 'Demo'])
})

test('every token has its log probabilities, likeliest first', async () => {
  const lines = await generate(emulator, 'hi', { logprobs: true, top_logprobs: 3, options: { num_predict: 5, seed: 1 } })
  for (const { response, logprobs } of lines.slice(0, -1)) {
    expect(logprobs?.map(({ token }) => token)).toEqual([response])
    expect(new TextDecoder().decode(new Uint8Array(logprobs?.[0]?.bytes ?? []))).toBe(response)
    expect(logprobs?.[0]?.top_logprobs).toHaveLength(3)
  }
})

describe('thinking', () => {
  const ask = async (rest: object) =>
    readLines(await chat({ model: 'demo-thinking', messages: user('hi'), options: { seed: 1 }, ...rest }))

  test('the thinking model thinks first, then answers', async () => {
    const lines = await ask({})
    const firstText = lines.findIndex((line) => line.message?.content !== '')
    expect(toThinking(lines)).toContain('“hi”')
    expect(lines.slice(0, firstText).every((line) => line.message?.thinking !== undefined)).toBe(true)
    expect(lines.slice(firstText).every((line) => line.message?.thinking === undefined)).toBe(true)
    expect(toText(lines)).toContain('/fail after 5')
  })

  test('think:false turns it off, a level makes it longer', async () => {
    expect(toThinking(await ask({ think: false }))).toBe('')
    const [low, high] = [await ask({ think: 'low' }), await ask({ think: 'high' })].map((lines) => toThinking(lines).length)
    expect(low).toBeLessThan(high ?? 0)
  })

  test('generate thinks, too', async () => {
    expect(toThinking(await generate(emulator, 'hi', { model: 'demo-thinking' }))).toContain('“hi”')
  })

  test('an unknown level is refused', async () => {
    const response = await chat({ model: 'demo-thinking', think: 'very', messages: user('hi') })
    expect(response.status).toBe(400)
    expect(await response.text()).toContain('invalid think value: \\"very\\"')
  })
})

describe('tools', () => {
  const tools = [
    {
      type: 'function',
      function: { name: 'get_time', description: 'The time', parameters: { type: 'object', properties: {} } },
    },
    {
      type: 'function',
      function: {
        name: 'find_flight',
        description: 'Finds a flight',
        parameters: {
          type: 'object',
          required: ['from', 'to', 'seats'],
          properties: {
            from: { type: 'string' },
            to: { type: 'string' },
            seats: { type: 'integer', minimum: 1 },
            cabin: { enum: ['economy', 'business'] },
          },
        },
      },
    },
  ]
  const question = 'I need a flight from Paris to New York for 3 people'

  test('the tool that fits is called, with the words of the message', async () => {
    const lines = await readLines(await chat({ model: 'demo-tools', messages: user(question), tools }))
    expect(lines.map((line) => line.done)).toEqual([false, true])
    expect(lines[0]?.message?.tool_calls?.[0]?.function).toEqual({
      index: 0,
      name: 'find_flight',
      arguments: { from: 'Paris', to: 'New York', seats: 3 },
    })
    expect(lines[0]?.message?.tool_calls?.[0]?.id).toMatch(/^call_[a-z0-9]{8}$/)
  })

  test('after the tool has answered the answer is text that holds the result', async () => {
    const messages = [
      ...user(question),
      { role: 'assistant', content: '', tool_calls: [] },
      { role: 'tool', tool_name: 'find_flight', content: '{"flight":"SL 42"}' },
    ]
    const lines = await readLines(await chat({ model: 'demo-tools', messages, tools }))
    expect(toText(lines)).toContain('- `find_flight`: flight SL 42')
    expect(lines.some((line) => line.message?.tool_calls)).toBe(false)
  })
})

describe('format', () => {
  test('json is an object', async () => {
    const text = toText(await generate(emulator, 'what is Sluice?', { format: 'json' }))
    expect(JSON.parse(text)).toMatchObject({ question: 'what is Sluice?' })
  })

  test('a schema gets a value that conforms to it', async () => {
    const format = {
      type: 'object',
      required: ['city', 'people'],
      properties: { city: { type: 'string' }, people: { type: 'array', items: { enum: ['Ada', 'Linus'] }, minItems: 1 } },
    }
    const value = JSON.parse(toText(await generate(emulator, 'Who lives in Helsinki?', { format }))) as {
      city: string
      people: string[]
    }
    expect(value.city).toBe('Helsinki')
    expect(['Ada', 'Linus']).toEqual(expect.arrayContaining(value.people))
  })
})

test('images and a system text are accepted', async () => {
  const lines = await generate(emulator, 'hi', { images: ['aGk='], system: 'Be brief', options: { num_predict: 1 } })
  expect(lines.at(-1)?.done_reason).toBe('length')
})

test.each(['/api/generate', '/api/chat'])('the embedding model refuses %s', async (path) => {
  const response = await post(emulator, path, { model: 'demo-embed', prompt: 'x', messages: user('x') })
  expect(response.status).toBe(400)
  expect((await response.json()) as Line).toEqual({ error: `"demo-embed" does not support ${path.slice(5)}` })
})
