import { expect, test } from 'vitest'
import type { Message } from '#page/chats/chat.ts'
import { createWriting } from '#page/state/writing.ts'
import { createFakeHost } from './fake-host.ts'

const empty: Message = { id: 'a', parent: 'q', createdAt: 1, updatedAt: 1, role: 'assistant', text: '' }

/** Creates an answer that is being written. The test controls its clock and its frames. */
function createWritten(message = empty) {
  let nowMs = 1000
  const frames: (() => void)[] = []
  const host = {
    ...createFakeHost({ url: '' }),
    performance: { now: () => nowMs },
    requestAnimationFrame: (callback: () => void) => frames.push(callback),
    setTimeout: () => 1,
    clearTimeout: () => {},
  }
  return {
    writing: createWriting(host, message, () => 5),
    pass: (ms: number) => (nowMs += ms),
    frames,
    paint: () => frames.splice(0).forEach((frame) => frame()),
  }
}

test('an answer has the times of its phase, first token and thinking, and the speed since the first token', () => {
  const { writing, pass, paint } = createWritten()
  const { run } = writing
  pass(100)
  writing.enter('loading')
  expect([run.startedAt, run.phaseSince.value]).toEqual([1000, 1100])
  pass(400)
  writing.addThinking('Hm')
  pass(200)
  writing.addThinking('.')
  pass(300)
  writing.addText('So')
  pass(500)
  writing.addText('.')
  paint()
  expect([run.firstTokenMs.value, run.tokens.value, run.tokensPerSecond.value]).toEqual([500, 4, 3])
  expect(writing.finish({ how: 'done' })).toEqual({
    ...empty,
    updatedAt: 5,
    text: 'So.',
    thinking: 'Hm.',
    thinkingMs: 500,
    end: { how: 'done' },
    usage: { tokens: 4, firstTokenMs: 500, tokensPerSecond: 3 },
  })
})

test('pieces between two frames are one change', () => {
  const { writing, paint, frames } = createWritten()
  const seen: string[] = []
  writing.run.text.subscribe((text) => void seen.push(text))
  for (const text of ['a', 'b', 'c']) writing.addText(text)
  expect(frames).toHaveLength(1)
  paint()
  writing.addText('d')
  paint()
  expect(seen).toEqual(['', 'abc', 'abcd'])
})

test('text that arrives while an answer is being stopped does not change its phase', () => {
  const { writing } = createWritten()
  writing.enter('stopping')
  writing.addText('late')
  expect(writing.run.phase.value).toBe('stopping')
  expect(writing.finish({ how: 'stopped', isFreed: true }).text).toBe('late')
})

test('tool calls are kept, and an empty answer has no usage', () => {
  const call = { name: 'f', arguments: { x: 1 } }
  const { writing } = createWritten()
  expect(writing.toPartial()).toEqual({ ...empty, updatedAt: 5 })
  writing.addToolCall(call)
  expect(writing.toPartial()).toMatchObject({ toolCalls: [call], usage: { tokens: 1 } })
})
