import { describe, expect, test } from 'vitest'
import type { Message } from '#page/chats/chat.ts'
import { createWriting } from '#page/state/writing.ts'
import { createFakeHost } from './fake-host.ts'

const empty: Message = { id: 'a', parent: 'q', createdAt: 1, updatedAt: 1, role: 'assistant', text: '' }

/** Creates an answer that is being written. The test controls its clock and its frames. */
function createWritten(message = empty, now = () => 5) {
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
    writing: createWriting(host, message, now),
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

describe('an answer that is read again from its beginning', () => {
  const before: Message = { ...empty, updatedAt: 2, text: 'One, ', usage: { tokens: 2 } }
  const known: Message = {
    ...before,
    updatedAt: 4,
    acceptedAt: 3,
    text: 'One, two, three',
    thinking: 'Hm.',
    thinkingMs: 70,
    usage: { tokens: 6, firstTokenMs: 1, tokensPerSecond: 9 },
    stream: { address: '/streams/1', before },
  }

  test('keeps the text of other tabs until the reader has come as far, and then grows', () => {
    const { writing, paint } = createWritten(known)
    expect([writing.run.text.value, writing.run.tokens.value, writing.run.firstTokenMs.value]).toEqual([
      'One, two, three',
      4,
      1,
    ])
    expect(writing.toPartial()).toEqual({ ...known, updatedAt: 5 })
    writing.addThinking('Hm.')
    writing.addText('two, ')
    paint()
    expect(writing.run.text.value).toBe('One, two, three')
    expect(writing.toPartial()).toMatchObject({ text: 'One, two, three', stream: known.stream, usage: { tokens: 6 } })
    for (const text of ['th', 'ree, ', 'four']) writing.addText(text)
    paint()
    expect([writing.run.text.value, writing.run.tokens.value]).toEqual(['One, two, three, four', 5])
    const { stream: _, ...rest } = known
    expect(writing.finish({ how: 'done' }, { tokens: 7 })).toMatchObject({
      ...rest,
      updatedAt: 5,
      text: 'One, two, three, four',
      end: { how: 'done' },
      usage: { tokens: 9 },
    })
    expect(writing.finish({ how: 'done' })).not.toHaveProperty('stream')
  })

  test('keeps all that other tabs have read if the stream is lost', () => {
    const { writing } = createWritten(known)
    const { stream: _, ...rest } = known
    const end = { how: 'interrupted', why: 'lost' } as const
    expect(writing.finish(end)).toEqual({ ...rest, updatedAt: 5, end })
  })

  test('has waited for its first token since it was requested, in another tab', () => {
    const { stream } = known
    const { writing, pass } = createWritten({ ...empty, acceptedAt: 3, stream: { ...stream!, before: empty } }, () => 801)
    pass(200)
    writing.addText('So')
    expect(writing.run.firstTokenMs.value).toBe(1000)
  })
})

test('from the acceptance on, the partial answer has the address of its stream, and the text before', () => {
  const failed: Message = { ...empty, text: 'Half', end: { how: 'interrupted' } }
  const { writing } = createWritten(failed)
  writing.addText(' of')
  expect(writing.toPartial()).not.toHaveProperty('stream')
  writing.accept('/streams/1')
  const stream = { address: '/streams/1', before: { ...empty, text: 'Half' } }
  expect(writing.toPartial()).toMatchObject({ text: 'Half of', acceptedAt: 5, stream })
  const whole = writing.finish({ how: 'done' })
  expect(whole.acceptedAt).toBe(5)
  expect(whole).not.toHaveProperty('stream')
})

test('a broken connection has the time when it broke, however often it is tried again', () => {
  const { writing, pass } = createWritten()
  const { reconnectingSince } = writing.run
  writing.setReconnecting(true)
  pass(100)
  writing.setReconnecting(true)
  expect(reconnectingSince.value).toBe(1000)
  writing.setReconnecting(false)
  expect(reconnectingSince.value).toBeUndefined()
})
