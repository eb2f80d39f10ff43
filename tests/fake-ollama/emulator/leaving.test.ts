import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createEmulator } from '#fake-ollama/emulator/emulator.ts'
import { post } from './ask.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const body = { model: 'demo', prompt: 'what is Sluice?' }

async function timersRunning(count: number): Promise<void> {
  await vi.waitFor(() => expect(vi.getTimerCount()).toBe(count))
}

/** Reads `count` tokens. Advances the fake clock so that the emulator sends each of them. */
async function readTokens(response: Promise<Response>, count: number) {
  await vi.advanceTimersByTimeAsync(60_000)
  const reader = (await response).body!.getReader()
  for (let read = 0; read < count; read++) {
    const line = reader.read()
    await vi.advanceTimersByTimeAsync(1000)
    await line
  }
  return reader
}

async function loadedNames(emulator: ReturnType<typeof createEmulator>): Promise<string[]> {
  const response = await emulator.fetch('http://demo/api/ps')
  return ((await response.json()) as { models: { name: string }[] }).models.map(({ name }) => name)
}

test('a signal that has aborted already rejects the call with its reason', async () => {
  const reason = new Error('too late')
  await expect(post(createEmulator(), '/api/generate', body, AbortSignal.abort(reason))).rejects.toBe(reason)
  expect(vi.getTimerCount()).toBe(0)
})

test.each([
  ['an error', new Error('left')],
  ['a DOMException', new DOMException('left', 'AbortError')],
  ['a string', 'left'],
])('an abort while loading, by %s, rejects with that, frees the timer and gives up the load', async (_, reason) => {
  const emulator = createEmulator({ coldStartMs: 600_000 })
  const leaving = new AbortController()
  const response = post(emulator, '/api/generate', body, leaving.signal)
  const rejected = expect(response).rejects.toBe(reason)
  await timersRunning(1)
  expect(await loadedNames(emulator)).toEqual(['demo:latest'])
  leaving.abort(reason)
  await rejected
  expect(vi.getTimerCount()).toBe(0)
  expect(await loadedNames(emulator)).toEqual([])
})

test.each([true, false])('an abort before the first token rejects, with stream:%s', async (stream) => {
  const leaving = new AbortController()
  const slow = { ...body, prompt: '/slow-start 100', stream }
  const rejected = expect(post(createEmulator({ coldStartMs: 0 }), '/api/generate', slow, leaving.signal)).rejects.toThrow(
    'left',
  )
  await timersRunning(1)
  leaving.abort(new Error('left'))
  await rejected
  expect(vi.getTimerCount()).toBe(0)
})

test('/slow-start sends no headers for as many seconds as it says', async () => {
  const started = performance.now()
  const response = post(createEmulator({ coldStartMs: 0 }), '/api/generate', { ...body, prompt: '/slow-start 10' })
  let headersAfterMs = 0
  void response.then(() => (headersAfterMs = performance.now() - started))
  await timersRunning(1)
  await vi.advanceTimersByTimeAsync(9000)
  expect(headersAfterMs).toBe(0)
  await vi.advanceTimersByTimeAsync(2000)
  expect(headersAfterMs).toBeGreaterThan(10_000)
  await (await response).body?.cancel()
})

test('cancelling the body stops the production of tokens at once', async () => {
  const emulator = createEmulator()
  const reader = await readTokens(post(emulator, '/api/generate', { ...body, prompt: '/stall after 3', keep_alive: 0 }), 3)
  expect(vi.getTimerCount()).toBe(1)
  await reader.cancel()
  expect(vi.getTimerCount()).toBe(0)
  await vi.advanceTimersByTimeAsync(1)
  expect(await loadedNames(emulator)).toEqual([])
})

test('an abort in mid-stream errors the body with its reason and stops producing', async () => {
  const leaving = new AbortController()
  const reader = await readTokens(post(createEmulator(), '/api/generate', body, leaving.signal), 3)
  const next = reader.read().then(() => reader.read())
  const rejected = expect(next).rejects.toThrow('left')
  leaving.abort(new Error('left'))
  await rejected
  await timersRunning(0)
})

test('no token is produced while the reader does not read', async () => {
  const response = post(createEmulator(), '/api/generate', body)
  const reader = await readTokens(response, 1)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(vi.getTimerCount()).toBe(0)
  await reader.cancel()
})

test('an abort ends a stream that nobody reads', async () => {
  const emulator = createEmulator()
  const leaving = new AbortController()
  const reader = await readTokens(post(emulator, '/api/generate', { ...body, keep_alive: 0 }, leaving.signal), 1)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(await loadedNames(emulator)).toEqual(['demo:latest'])
  leaving.abort(new Error('left'))
  await vi.advanceTimersByTimeAsync(1)
  expect(await loadedNames(emulator)).toEqual([])
  await expect(reader.read()).rejects.toThrow('left')
})

test('a stream that was read to its end leaves no timer, and no listener on the signal', async () => {
  const { signal } = new AbortController()
  const [added, removed] = [vi.spyOn(signal, 'addEventListener'), vi.spyOn(signal, 'removeEventListener')]
  const response = post(createEmulator(), '/api/generate', { ...body, options: { num_predict: 3 } }, signal)
  const reader = await readTokens(response, 4)
  expect((await reader.read()).done).toBe(true)
  expect(vi.getTimerCount()).toBe(0)
  expect(removed.mock.calls.length).toBeGreaterThanOrEqual(added.mock.calls.length)
})

test('tokens come at the pace that was asked for', async () => {
  const lines: number[] = []
  const response = post(createEmulator({ tokensPerSecond: 40, coldStartMs: 0 }), '/api/generate', body)
  const reading = response.then(async ({ body: stream }) => {
    const reader = stream!.getReader()
    while (!(await reader.read()).done) lines.push(performance.now())
  })
  await vi.advanceTimersByTimeAsync(30_000)
  await reading
  const seconds = ((lines.at(-1) ?? 0) - (lines[0] ?? 0)) / 1000
  expect(lines.length / seconds).toBeGreaterThan(34)
  expect(lines.length / seconds).toBeLessThan(46)
})
