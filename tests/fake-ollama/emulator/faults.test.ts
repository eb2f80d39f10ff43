import { expect, test } from 'vitest'
import { parseFaults } from '#fake-ollama/emulator/faults.ts'
import { createFastEmulator, generate, post, readLines } from './ask.ts'

const emulator = createFastEmulator()
const died = { error: 'an error was encountered while running the model: unexpected EOF' }

test.each([0, 5, 500])('/fail after %i ends with an error line behind that many tokens', async (count) => {
  const lines = await generate(emulator, `Hello /fail after ${count}`)
  expect(lines.length).toBe(count + 1)
  expect(lines.at(-1)).toEqual(died)
  expect(lines.some((line) => line.done)).toBe(false)
})

test('/truncate after 5 ends cleanly and without done', async () => {
  const lines = await generate(emulator, '/truncate after 5')
  expect(lines.map((line) => line.done)).toEqual([false, false, false, false, false])
})

test('/stall after 5 is silent until the reader leaves', async () => {
  const leaving = new AbortController()
  const response = await post(emulator, '/api/generate', { model: 'demo', prompt: '/stall after 5' }, leaving.signal)
  const reader = response.body!.getReader()
  for (let count = 0; count < 5; count++) expect((await reader.read()).done).toBe(false)
  const silence = reader.read()
  leaving.abort(new Error('left'))
  await expect(silence).rejects.toThrow('left')
})

test('a fault is a status when the answer is not streamed', async () => {
  const response = await post(emulator, '/api/generate', { model: 'demo', prompt: '/fail after 5', stream: false })
  expect(response.status).toBe(500)
  expect(await response.json()).toEqual(died)
})

test('the last user message counts in a chat, not an earlier one', async () => {
  const messages = [
    { role: 'user', content: '/fail after 5' },
    { role: 'assistant', content: 'Oh' },
    { role: 'user', content: 'hi' },
  ]
  const lines = await readLines(await post(emulator, '/api/chat', { model: 'demo', messages }))
  expect(lines.at(-1)?.done_reason).toBe('stop')
})

test('commands may stand anywhere, be combined, and their numbers are bounded', () => {
  expect(parseFaults('please /FAIL after 12 tokens')).toEqual({ slowStartMs: 0, end: { kind: 'fail', afterTokens: 12 } })
  expect(parseFaults('/slow-start 10 /truncate')).toEqual({ slowStartMs: 10_000, end: { kind: 'truncate', afterTokens: 5 } })
  expect(parseFaults('/stall after 99999999999999999999')).toEqual({
    slowStartMs: 0,
    end: { kind: 'stall', afterTokens: 1000 },
  })
  expect(parseFaults('/slow-start 99999').slowStartMs).toBe(600_000)
  expect(parseFaults('why does it fail after 5?')).toEqual({ slowStartMs: 0 })
})
