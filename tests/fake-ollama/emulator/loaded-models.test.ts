import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createEmulator } from '#fake-ollama/emulator/emulator.ts'
import type { Emulator } from '#fake-ollama/emulator/emulator.ts'
import { generate, post, readLines } from './ask.ts'

const coldStartMs = 1500
let emulator: Emulator

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'],
    shouldAdvanceTime: true,
    advanceTimeDelta: 20,
  })
  emulator = createEmulator({ tokensPerSecond: 20_000, coldStartMs })
})
afterEach(() => {
  vi.useRealTimers()
})

interface Running {
  name: string
  expires_at: string
  context_length: number
}

async function running(): Promise<Running[]> {
  const response = await emulator.fetch('http://demo/api/ps')
  return ((await response.json()) as { models: Running[] }).models
}

/** Measures a request by the fake clock. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  const pending = work()
  await vi.advanceTimersByTimeAsync(3000)
  let took = 0
  await pending.then(() => (took = performance.now() - started))
  return took
}

const short = { options: { num_predict: 2, seed: 1 } }
const loadTime = async (rest: object = short) => {
  const pending = generate(emulator, 'hi', rest)
  await vi.advanceTimersByTimeAsync(3000)
  const last = (await pending).at(-1) as { load_duration?: number }
  return (last.load_duration ?? 0) / 1e6
}

test('the first call to a model is slow, the second is not', async () => {
  expect(await loadTime()).toBeGreaterThanOrEqual(coldStartMs - 1)
  expect(await loadTime()).toBeLessThan(100)
})

test('another num_ctx loads the model again', async () => {
  await loadTime()
  expect(await loadTime({ options: { ...short.options, num_ctx: 8192 } })).toBeGreaterThanOrEqual(coldStartMs - 1)
  expect((await running()).map((model) => model.context_length)).toEqual([8192])
})

test('a model stays loaded for five minutes, or for as long as keep_alive says', async () => {
  await loadTime()
  expect((await running()).map(({ name }) => name)).toEqual(['demo:latest'])
  await vi.advanceTimersByTimeAsync(4 * 60_000)
  expect(await running()).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(61_000)
  expect(await running()).toHaveLength(0)
  await loadTime({ ...short, keep_alive: '1h30m' })
  await vi.advanceTimersByTimeAsync(89 * 60_000)
  expect(await running()).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(2 * 60_000)
  expect(await running()).toHaveLength(0)
})

test('a negative keep_alive is for ever', async () => {
  await loadTime({ ...short, keep_alive: -1 })
  await vi.advanceTimersByTimeAsync(365 * 24 * 3_600_000)
  expect((await running())[0]?.expires_at).toMatch(/^231[89]-/)
})

test('keep_alive 0 unloads when the answer is over', async () => {
  await loadTime({ ...short, keep_alive: 0 })
  expect(await running()).toEqual([])
})

test('an empty prompt loads, an empty prompt with keep_alive 0 unloads', async () => {
  const ask = (body: object) => post(emulator, '/api/chat', { model: 'demo-tools', messages: [], ...body }).then(readLines)
  expect(await timed(() => ask({}))).toBeGreaterThanOrEqual(coldStartMs)
  expect((await running()).map(({ name }) => name)).toEqual(['demo-tools:latest'])
  const [unloaded] = await ask({ keep_alive: 0 })
  expect(unloaded).toMatchObject({ done: true, done_reason: 'unload' })
  expect(await running()).toEqual([])
})

test('a request that arrives while a model is loading waits only for the rest of the loading', async () => {
  const [first, second] = [generate(emulator, 'hi', short), generate(emulator, 'hi', short)]
  await vi.advanceTimersByTimeAsync(coldStartMs - 500)
  const third = generate(emulator, 'hi', short)
  await vi.advanceTimersByTimeAsync(3000)
  const [, , late] = (await Promise.all([first, second, third])).map((lines) => lines.at(-1) as { load_duration?: number })
  expect((late?.load_duration ?? 0) / 1e6).toBeLessThan(700)
})

test.each(['5x', '', '5'])('keep_alive %j is refused', async (keepAlive) => {
  const response = await post(emulator, '/api/generate', { model: 'demo', prompt: 'hi', keep_alive: keepAlive })
  expect(response.status).toBe(400)
  expect(await response.text()).toContain('duration')
})
