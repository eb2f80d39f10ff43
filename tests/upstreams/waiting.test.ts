import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { GenerationCall, Waiting } from '../../src/generation.ts'
import type { Answer, Generation, Upstream } from '../../src/upstreams/upstream.ts'
import { createWaiting } from '../../src/upstreams/waiting.ts'
import { upstreamContract } from '../contracts/upstream.ts'
import { ollamaOverHttp } from './ollama-over-http.ts'

upstreamContract('Ollama, and what a generation waits for', (url) =>
  createWaiting({ upstream: ollamaOverHttp(url), maxLoads: 2, now: () => performance.now() }),
)

/** A question or a generation that the test answers. */
type Asked<T> = PromiseWithResolvers<T> & { readonly signal: AbortSignal }

const generation: Generation = { flow: async () => {}, close: () => {} }
const toList = (...names: string[]): Answer => ({ text: '', value: { models: names.map((name) => ({ name })) } })
const settle = () => new Promise((resolve) => setImmediate(resolve))

let now: number
let order: string[]
let questions: Asked<Answer>[]
let generations: Asked<Generation>[]
let upstream: Upstream

beforeEach(() => {
  now = 5000
  order = []
  questions = []
  generations = []
  const ask = <T>(all: Asked<T>[], what: string, signal: AbortSignal) => {
    const asked = { ...Promise.withResolvers<T>(), signal }
    signal.addEventListener('abort', () => asked.reject(signal.reason))
    order.push(what)
    all.push(asked)
    return asked.promise
  }
  upstream = createWaiting({
    maxLoads: 2,
    now: () => now,
    upstream: {
      generate: (_, { signal }) => ask(generations, 'generate', signal),
      ask: ({ about }, { signal }) => ask(questions, about, signal),
      blob: async () => {},
    },
  })
})

/** Requests a generation for a reader that wants statuses. */
function generate(model = 'gemma3', { endpoint = 'chat' }: Partial<GenerationCall> = {}) {
  const controller = new AbortController()
  const states: (Waiting | undefined)[] = []
  const held: Promise<unknown>[] = []
  const asked = upstream.generate(
    { endpoint, model, body: {} },
    {
      signal: controller.signal,
      onWaiting: (state) => states.push(state),
      showsWaiting: true,
      waitUntil: (promise) => held.push(promise),
    },
  )
  asked.catch(() => {})
  return { controller, states, held, asked }
}

async function tellFor(model: string, ...loaded: string[]) {
  const { states } = generate(model)
  questions.at(-1)!.resolve(toList(...loaded))
  await settle()
  now += 5000
  return states
}

describe('what Ollama does before the first event', () => {
  test('is to load a model that is not in its list, and to read the prompt with one that is', async () => {
    expect(await tellFor('gemma3')).toEqual(['loading'])
    expect(await tellFor('gemma3', 'smollm2:135m', 'gemma3:270m')).toEqual(['loading'])
    expect(await tellFor('gemma3', 'smollm2:135m', 'gemma3:latest')).toEqual(['evaluating'])
  })

  test.each([
    ['gemma3', 'gemma3:latest'],
    ['gemma3:latest', 'gemma3'],
    ['Gemma3:270M', 'gemma3:270m'],
    ['library/gemma3', 'gemma3:latest'],
    ['registry.ollama.ai/library/gemma3:1b', 'gemma3:1b'],
    ['Registry.Ollama.AI/me/gemma3', 'me/gemma3:latest'],
    ['gemma3', 'registry.ollama.ai/library/gemma3:latest'],
    ['localhost:5000/me/gemma3', 'localhost:5000/me/gemma3:latest'],
  ])('depends on names as Ollama compares them: %s is %s', async (model, listed) => {
    expect(await tellFor(model, listed)).toEqual(['evaluating'])
  })

  test.each([
    ['gemma3', 'me/gemma3:latest'],
    ['library/gemma3', 'hf.co/library/gemma3:latest'],
    ['gemma3:1b', 'gemma3:latest'],
    ['gemma3', 'gemma3:latest2'],
  ])('%s is not %s', async (model, listed) => {
    expect(await tellFor(model, listed)).toEqual(['loading'])
  })

  test.each([{}, { models: null }, { models: 'x' }, { models: [{}, { name: 5 }] }])(
    'is loading for a list of any other shape: %j',
    async (value) => {
      const { states } = generate()
      questions[0]!.resolve({ text: '', value })
      await settle()
      expect(states).toEqual(['loading'])
    },
  )
})

describe('the request for the loaded models', () => {
  test('is sent after the generation’s request, and neither waits for the other', async () => {
    const { asked, states } = generate()
    expect(order).toEqual(['generate', 'ps'])
    generations[0]!.resolve(generation)
    expect(await asked).toBe(generation)
    expect(states).toEqual([])
  })

  test('is aborted at the first event, and no status is reported any more', async () => {
    const { asked, states, held } = generate()
    generations[0]!.resolve(generation)
    await asked
    expect(questions[0]!.signal.aborted).toBe(true)
    await Promise.all(held)
    expect(states).toEqual([])
  })

  test('is aborted if the generation fails or its reader disconnects, and its waitUntil promises settle', async () => {
    const failing = generate()
    const refused = new Error('refused')
    generations[0]!.reject(refused)
    await expect(failing.asked).rejects.toBe(refused)
    expect(questions[0]!.signal.aborted).toBe(true)
    const left = generate()
    const remove = vi.spyOn(left.controller.signal, 'removeEventListener')
    left.controller.abort(new Error('left'))
    await expect(left.asked).rejects.toThrow('left')
    expect(questions[1]!.signal.aborted).toBe(true)
    expect(left.held).toHaveLength(1)
    await Promise.all([...failing.held, ...left.held])
    expect(remove).toHaveBeenCalled()
    expect([...failing.states, ...left.states]).toEqual([])
  })

  test('may fail without any effect on the generation', async () => {
    const { asked, states, held } = generate()
    questions[0]!.reject(new Error('no ps here'))
    await Promise.all(held)
    generations[0]!.resolve(generation)
    expect(await asked).toBe(generation)
    expect(states).toEqual([])
  })

  test('is not sent if the reader wants no status, nor for pull, push and create, nor for a cloud model', () => {
    const { signal } = new AbortController()
    void upstream.generate({ endpoint: 'chat', model: 'm', body: {} }, { signal })
    for (const endpoint of ['pull', 'push', 'create'] as const) generate('m', { endpoint })
    generate('gpt-oss:120b-cloud')
    expect(order).toEqual(Array(5).fill('generate'))
  })

  test('has a result that other generations use for one second, and no longer', async () => {
    generate()
    questions[0]!.resolve(toList('gemma3:latest'))
    await settle()
    now += 999
    const { states } = generate()
    await settle()
    expect(questions).toHaveLength(1)
    expect(states).toEqual(['evaluating'])
    now += 1
    generate()
    expect(questions).toHaveLength(2)
  })

  test('of another generation is not awaited while one more is allowed (hazard 40)', async () => {
    generate()
    const { states } = generate()
    expect(questions).toHaveLength(2)
    questions[1]!.resolve(toList())
    await settle()
    expect(states).toEqual(['loading'])
  })

  test('of another generation is awaited when no more are allowed', async () => {
    const all = [generate(), generate(), generate()]
    expect(order).toEqual(['generate', 'ps', 'generate', 'ps', 'generate'])
    questions[0]!.resolve(toList())
    await settle()
    expect(all.map(({ states }) => states)).toEqual([['loading'], [], ['loading']])
  })
})
