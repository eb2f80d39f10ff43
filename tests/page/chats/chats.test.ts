import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Chat, Message } from '#page/chats/chat.ts'
import { findChats } from '#page/chats/find-chats.ts'
import { mergeChats } from '#page/chats/merge-chats.ts'
import { toRequest } from '#page/chats/to-request.ts'
import { toThread } from '#page/chats/to-thread.ts'
import { withMessage } from '#page/chats/with-message.ts'
import { chat as anyChat } from './arbitrary-chat.ts'

function toMessage(id: string, parent: string, more: Partial<Message> = {}): Message {
  const role = id.startsWith('q') ? 'user' : 'assistant'
  return { id, parent, createdAt: Number(id.slice(1)), updatedAt: 1, role, text: `text of ${id}`, ...more }
}

function toChat(messages: readonly Message[], more: Partial<Chat> = {}): Chat {
  const empty: Chat = { id: 'chat', title: '', createdAt: 1, updatedAt: 1, settings: {}, messages: {}, chosen: {} }
  return { ...messages.reduce(withMessage, empty), ...more }
}

const branched = toChat(
  [toMessage('q1', ''), toMessage('a2', 'q1'), toMessage('a3', 'q1'), toMessage('q4', 'a3'), toMessage('q5', 'a3')],
  { chosen: {} },
)

describe('a message', () => {
  const chat = toChat([toMessage('q1', ''), toMessage('a2', 'q1')], { updatedAt: 5, chosen: { q1: 'a2' } })

  test('that is new becomes the chosen one, and makes its chat the newest, even if the clock was set back', () => {
    expect(withMessage(chat, toMessage('a3', 'q1'))).toMatchObject({ updatedAt: 6, chosen: { q1: 'a3' } })
    expect(withMessage(chat, toMessage('a9', 'q1'))).toMatchObject({ updatedAt: 9, chosen: { q1: 'a9' } })
  })

  test('that is being written changes nothing else in its chat', () => {
    const newer = toMessage('a2', 'q1', { text: 'more', updatedAt: 99 })
    const other = { ...chat, chosen: { q1: 'a7' } }
    expect(withMessage(other, newer)).toEqual({ ...other, messages: { ...chat.messages, a2: newer } })
    expect(chat.messages.a2!.text).toBe('text of a2')
  })
})

describe('a thread', () => {
  const shown = (chat: Chat) => toThread(chat).map(({ message, index, count }) => `${message.id} ${index}/${count}`)

  test('goes down the newest branches', () => {
    expect(shown(branched)).toEqual(['q1 1/1', 'a3 2/2', 'q5 2/2'])
  })

  test('has branches in the order of their time', () => {
    const chat = toChat([toMessage('q10', ''), toMessage('q9', '')], { chosen: {} })
    expect(shown(chat)).toEqual(['q10 2/2'])
  })

  test('goes down the chosen ones instead', () => {
    expect(shown({ ...branched, chosen: { a3: 'q4' } })).toEqual(['q1 1/1', 'a3 2/2', 'q4 1/2'])
    expect(shown({ ...branched, chosen: { q1: 'a2', a3: 'q4' } })).toEqual(['q1 1/1', 'a2 1/2'])
  })

  test('ignores a choice of a message that does not exist', () => {
    expect(shown({ ...branched, chosen: { q1: 'nobody', a3: 'q1' } })).toEqual(['q1 1/1', 'a3 2/2', 'q5 2/2'])
  })

  test('of any chat is finite, and has each message once', () => {
    fc.assert(
      fc.property(anyChat, (chat) => {
        const thread = toThread(chat)
        expect(new Set(thread.map(({ message }) => message.id)).size).toBe(thread.length)
        for (const [at, { message, index, count }] of thread.entries()) {
          expect(message.parent).toBe(thread[at - 1]?.message.id ?? '')
          expect(index).toBeGreaterThanOrEqual(1)
          expect(index).toBeLessThanOrEqual(count)
        }
      }),
    )
  })

  test('is finite where a message is its own parent, or has the id of another', () => {
    const [one, other] = [toMessage('a1', ''), toMessage('a1', 'a1')]
    expect(shown(toChat([], { messages: { x: one, y: other } }))).toEqual(['a1 1/1'])
    expect(shown(toChat([], { messages: { '': { ...one, id: '' } } }))).toEqual([' 1/1'])
  })

  test('does not take a property of Object.prototype for a choice', () => {
    expect(shown(toChat([toMessage('q1', ''), { ...toMessage('a2', 'q1'), id: '__proto__' }]))).toEqual([
      'q1 1/1',
      '__proto__ 1/1',
    ])
  })
})

describe('a merge', () => {
  test('has the messages of both tabs, and the newer version of each', () => {
    const base = toChat([toMessage('q1', ''), toMessage('a2', 'q1', { text: 'half' })])
    const one = withMessage(base, toMessage('a2', 'q1', { text: 'whole', updatedAt: 3, end: { how: 'done' } }))
    const other = { ...withMessage(base, toMessage('q9', '', { updatedAt: 2 })), title: 'Other' }
    const merged = mergeChats(one, other)
    expect(merged).toMatchObject({ title: 'Other', updatedAt: 9, messages: { a2: { text: 'whole' }, q9: { id: 'q9' } } })
  })

  test('prefers an answer that has ended to one that is being written, if both are equally new', () => {
    const unended = toChat([toMessage('a1', '')])
    const ended = toChat([toMessage('a1', '', { end: { how: 'interrupted' } })])
    for (const merged of [mergeChats(ended, unended), mergeChats(unended, ended)]) expect(merged).toEqual(ended)
  })

  test('of states of one stream has the longest, whichever tab saved last, and the end that the server reported', () => {
    const of = (text: string, more: Partial<Message>) => toChat([toMessage('a1', '', { text, acceptedAt: 1, ...more })])
    const states = [
      of('Once', { updatedAt: 9 }),
      of('Once upon', { updatedAt: 2 }),
      of('Once upon', { updatedAt: 8, end: { how: 'interrupted', why: 'lost' } }),
      of('Once upon a time', { updatedAt: 3 }),
      of('Once upon a time', { updatedAt: 7, end: { how: 'failed', code: 'network', text: '' } }),
      of('Once upon a time', { updatedAt: 4, end: { how: 'done' } }),
      // The answer is continued by another request.
      of('', { updatedAt: 5, acceptedAt: 5 }),
    ]
    for (const [index, newer] of states.entries())
      for (const older of states.slice(0, index)) {
        expect(mergeChats(older, newer)).toEqual(newer)
        expect(mergeChats(newer, older)).toEqual(newer)
      }
  })

  test('keeps the title from another tab while an answer is being written', () => {
    const base = toChat([toMessage('q1', ''), toMessage('a2', 'q1', { text: 'half' })], { updatedAt: 5 })
    const written = withMessage(base, toMessage('a2', 'q1', { text: 'more', updatedAt: 99 }))
    expect(mergeChats({ ...base, title: 'Mine', updatedAt: 6 }, written)).toMatchObject({
      title: 'Mine',
      messages: { a2: { text: 'more' } },
    })
  })

  test('reuses the message objects of the first chat where both are equal', () => {
    const copy = structuredClone(branched)
    const merged = mergeChats(branched, copy)
    for (const [id, message] of Object.entries(merged.messages)) expect(message).toBe(branched.messages[id])
  })

  test('has the earlier creation time', () => {
    const [one, other] = [toChat([], { createdAt: 3 }), toChat([], { createdAt: 2, updatedAt: 9 })]
    expect([mergeChats(one, other).createdAt, mergeChats(other, one).createdAt]).toEqual([2, 2])
    expect(mergeChats({ ...one, updatedAt: 10 }, other).createdAt).toBe(2)
  })

  test('tells images apart', () => {
    const [one, other] = ['AAAA', 'BBBB'].map((image) => toChat([toMessage('q1', '', { images: [image] })]))
    expect(mergeChats(one!, other!)).toEqual(mergeChats(other!, one!))
  })

  test('is commutative, associative and idempotent', () => {
    fc.assert(
      fc.property(anyChat, anyChat, anyChat, (a, b, c) => {
        const ab = mergeChats(a, b)
        expect(mergeChats(b, a)).toEqual(ab)
        expect(mergeChats(ab, b)).toEqual(ab)
        expect(mergeChats(a, a)).toEqual(a)
        expect(mergeChats(ab, c)).toEqual(mergeChats(a, mergeChats(b, c)))
        expect(Object.keys(ab.messages).toSorted()).toEqual(
          [...new Set([...Object.keys(a.messages), ...Object.keys(b.messages)])].toSorted(),
        )
      }),
    )
  })
})

describe('a request', () => {
  test('has the messages before the answer, in its branch', () => {
    const chat = toChat([
      toMessage('q1', ''),
      toMessage('a2', 'q1'),
      toMessage('q3', 'a2'),
      toMessage('a4', 'q3', { text: '' }),
    ])
    expect(toRequest(chat, 'a4')).toEqual({
      messages: [
        { role: 'user', content: 'text of q1' },
        { role: 'assistant', content: 'text of a2' },
        { role: 'user', content: 'text of q3' },
      ],
    })
    expect(toRequest(chat, 'a2')).toMatchObject({ messages: [{ role: 'user' }, { role: 'assistant', content: 'text of a2' }] })
  })

  test('has no answer without text, and no thoughts of a model', () => {
    const chat = toChat([
      toMessage('q1', ''),
      toMessage('a2', 'q1', { text: '', thinking: 'Hm', end: { how: 'failed', code: 'network', text: 'x' } }),
      toMessage('q3', 'a2', { images: ['iVBORw0KGgo='] }),
      toMessage('a4', 'q3', { text: '', thinking: 'Hm' }),
    ])
    expect(toRequest(chat, 'a4')).toEqual({
      messages: [
        { role: 'user', content: 'text of q1' },
        { role: 'user', content: 'text of q3', images: ['iVBORw0KGgo='] },
      ],
    })
  })

  test('ends with the text of the answer to continue, and contains an earlier answer that failed half-way', () => {
    const failed = { how: 'failed', code: 'network', text: 'x' } as const
    const chat = toChat([
      toMessage('q1', ''),
      toMessage('a2', 'q1', { text: 'Half of it', end: failed }),
      toMessage('q3', 'a2'),
      toMessage('a4', 'q3', { text: 'And th', end: { how: 'length' } }),
    ])
    expect(toRequest(chat, 'a4').messages.map(({ content }) => content)).toEqual([
      'text of q1',
      'Half of it',
      'text of q3',
      'And th',
    ])
  })

  test('has the settings in the format of Ollama', () => {
    const settings = { model: 'm', system: 'Be brief', think: false, temperature: 0, numCtx: 8192, numPredict: -1, seed: 7 }
    const chat = toChat([toMessage('q1', ''), toMessage('a2', 'q1', { text: '' })])
    expect(toRequest({ ...chat, settings: { ...settings, keepAlive: '5m' } }, 'a2')).toEqual({
      model: 'm',
      messages: [
        { role: 'system', content: 'Be brief' },
        { role: 'user', content: 'text of q1' },
      ],
      think: false,
      options: { temperature: 0, num_ctx: 8192, num_predict: -1, seed: 7 },
      keep_alive: '5m',
    })
    expect(toRequest({ ...chat, settings: { keepAlive: '-1' } }, 'a2')).toMatchObject({ keep_alive: -1 })
    expect(toRequest({ ...chat, settings: { keepAlive: '300' } }, 'a2')).toMatchObject({ keep_alive: 300 })
  })

  test('is built for any chat', () => {
    fc.assert(fc.property(anyChat, fc.constantFrom('a', 'b', 'nobody'), (chat, id) => void toRequest(chat, id)))
  })
})

describe('a search', () => {
  const weather = toChat([toMessage('q1', '', { text: 'Will it RAIN in Tōkyō?' })], { id: 'weather', title: 'Umbrella' })
  const code = toChat([toMessage('q1', '', { text: '用 ＴｙｐｅＳｃｒｉｐｔ 写一个队列' })], { id: 'code' })

  test.each([
    ['', ['weather', 'code']],
    ['  ', ['weather', 'code']],
    ['rain', ['weather']],
    ['umbrella rain', ['weather']],
    ['umbrella snow', []],
    ['typescript', ['code']],
    ['队列', ['code']],
    ['ｒａｉｎ', ['weather']],
    ['umbrellawill', []],
  ])('for %j finds %j', (query, ids) => {
    expect(findChats([weather, code], query).map(({ id }) => id)).toEqual(ids)
  })
})
