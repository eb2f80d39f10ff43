import { describe, expect, test } from 'vitest'
import { createEmulator } from '#fake-ollama/emulator/emulator.ts'
import { loadRecording, toLines } from '#fake-ollama/recording.ts'
import { createFastEmulator, readLines } from './ask.ts'

const standIns: Readonly<Record<string, string>> = {
  'gemma3:270m': 'demo:latest',
  'smollm2:135m': 'demo:latest',
  thinky: 'demo-thinking',
  tooly: 'demo-tools',
}

function substitute(text: string): string {
  return Object.entries(standIns).reduce((changed, [from, to]) => changed.replaceAll(from, to), text)
}

/** Returns the names, order and types of all fields, without their values. */
function toShape(value: unknown): unknown {
  if (Array.isArray(value)) return value.length > 0 ? [toShape(value[0])] : []
  if (typeof value !== 'object' || value === null) return typeof value
  return Object.entries(value).map(([name, field]) => [name, toShape(field)])
}

/** Sends the recorded request to the emulator. */
async function replay(name: string, emulator = createFastEmulator()): Promise<Response> {
  const { method, path, body } = loadRecording(name).request
  const text = typeof body === 'string' ? body : substitute(JSON.stringify(body))
  return emulator.fetch(`http://demo${path}`, { method, ...(body !== null && { body: text }) })
}

function recordedLines(name: string): unknown[] {
  return toLines(loadRecording(name)).map((line) => JSON.parse(line) as unknown)
}

const answers = [
  'chat-stream',
  'chat-history',
  'chat-once',
  'chat-load',
  'chat-thinking',
  'chat-thinking-once',
  'chat-thinking-off',
  'chat-tool-call',
  'chat-tool-call-once',
  'generate-cold',
  'generate-stream',
  'generate-once',
  'generate-length',
  'generate-stop',
  'generate-html',
  'generate-json',
  'generate-chinese',
  'generate-logprobs',
  'generate-load',
  'generate-unload',
]

describe('an answer is shaped like the recorded one', () => {
  test.each(answers)('%s', async (name) => {
    const recording = loadRecording(name)
    const response = await replay(name)
    expect(response.status).toBe(recording.status)
    expect(response.headers.get('content-type')).toBe(recording.headers['content-type'])
    const [ours, theirs] = [await readLines(response), recordedLines(name)]
    expect(toShape(ours[0])).toEqual(toShape(theirs[0]))
    expect(toShape(ours.at(-1))).toEqual(toShape(theirs.at(-1)))
  })
})

const errors = [
  'error-bad-format',
  'error-bad-json',
  'error-body-type',
  'error-chat-model-not-found',
  'error-chat-no-model',
  'error-empty-body',
  'error-invalid-name',
  'error-method',
  'error-model-not-found',
  'error-no-model',
  'error-no-thinking',
  'error-no-tools',
  'error-option-type',
  'error-unknown-path',
  'root',
  'head-root',
]

describe('a refusal has the text of the recorded one', () => {
  test.each(errors)('%s', async (name) => {
    const recording = loadRecording(name)
    const response = await replay(name)
    expect(response.status).toBe(recording.status)
    expect(response.headers.get('content-type')).toBe(recording.headers['content-type'])
    expect(await response.text()).toBe(substitute(recording.chunks.map(([, text]) => text).join('')))
  })
})

test.each(['tags', 'version', 'embed'])('%s is shaped like the recorded answer', async (name) => {
  const response = await replay(name)
  expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
  expect(toShape(await response.json())).toEqual(toShape(recordedLines(name)[0]))
})

test('ps is shaped like the recorded answer once a model is loaded', async () => {
  const emulator = createFastEmulator()
  await replay('generate-load', emulator)
  const response = await replay('ps', emulator)
  expect(toShape(await response.json())).toEqual(toShape(recordedLines('ps')[0]))
})

test('show has the fields of the recorded answer, in their order', async () => {
  const response = await replay('show')
  expect(Object.keys((await response.json()) as object)).toEqual(Object.keys(recordedLines('show')[0] as object))
})

test('a runner that dies leaves the recorded error line, status 200 and a clean end', async () => {
  const recorded = recordedLines('runner-dies')
  const response = await createEmulator({ tokensPerSecond: 20_000, coldStartMs: 0 }).fetch('http://demo/api/chat', {
    method: 'POST',
    body: JSON.stringify({ model: 'demo', messages: [{ role: 'user', content: '/fail after 6' }] }),
  })
  const lines = await readLines(response)
  expect(response.status).toBe(200)
  expect(lines.length).toBe(recorded.length)
  expect(lines.at(-1)).toEqual(recorded.at(-1))
})

test('time stamps and JSON are written as Go writes them', async () => {
  const emulator = createFastEmulator()
  const response = await emulator.fetch('http://demo/api/generate', {
    method: 'POST',
    body: JSON.stringify({ model: 'demo', prompt: 'how do I use it from the browser?', options: { seed: 1 } }),
  })
  const text = await response.text()
  expect(text).toContain('\\u003c')
  expect(text).toContain('\\u0026')
  expect(text).not.toMatch(/[<>&]/)
  const times = Array.from(text.matchAll(/"created_at":"([^"]+)"/g), ([, time = '']) => time)
  for (const time of times) expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z$/)
  expect(times.map((time) => time.slice(0, 19)).toSorted()).toEqual(times.map((time) => time.slice(0, 19)))
})
