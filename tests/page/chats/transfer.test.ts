import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Chat } from '#page/chats/chat.ts'
import { parseFile, toFile } from '#page/chats/transfer.ts'
import { chat as anyChat } from './arbitrary-chat.ts'

const message = { id: 'a', parent: '', createdAt: 1, updatedAt: 1, role: 'user', text: 'Hi' }
const chat = { id: 'chat', title: '', createdAt: 1, updatedAt: 1, settings: {}, messages: { a: message }, chosen: {} }
const toText = (chats: unknown, more: object = {}) => JSON.stringify({ format: 'sluice-chats', version: 1, chats, ...more })

/** Removes choices and parents that refer to no message, and gives each answer an end. */
function toSound(chat: Chat): Chat {
  const isKnown = (id: string) => Object.hasOwn(chat.messages, id)
  const messages = Object.values(chat.messages).map((message) => ({
    ...message,
    ...(message.role === 'assistant' && { end: message.end ?? ({ how: 'interrupted' } as const) }),
    parent: isKnown(message.parent) ? message.parent : '',
  }))
  const chosen = Object.entries(chat.chosen).filter(([from, to]) => (from === '' || isKnown(from)) && isKnown(to))
  return {
    ...chat,
    messages: Object.fromEntries(messages.map((message) => [message.id, message])),
    chosen: Object.fromEntries(chosen),
  }
}

test('what was exported comes back', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyChat, { maxLength: 3 }), async (chats) => {
      expect(parseFile(await toFile(chats).text())).toEqual(chats.map(toSound))
    }),
  )
})

test('everything that a message can have comes back', async () => {
  const full: Chat = {
    ...chat,
    settings: { model: 'm', system: 's', think: true, temperature: 1, numCtx: 2048, numPredict: 5, seed: 1, keepAlive: '5m' },
    messages: {
      a: {
        ...message,
        role: 'assistant',
        images: ['iVBORw0KGgo=', '/9j/4AAQ', 'R0lGODlh', 'UklGRiQAAABXRUJQ'],
        model: 'm',
        thinking: 'Hm',
        thinkingMs: 5,
        toolCalls: [{ name: 'f', arguments: { x: [1] } }],
        end: { how: 'failed', code: 'network', text: 'x', requestId: 'r', retryAfterSeconds: 3 },
        usage: { tokens: 3, promptTokens: 2, firstTokenMs: 1, tokensPerSecond: 9 },
      },
    },
  }
  expect(parseFile(await toFile([full]).text())).toEqual([full])
})

test.each([
  ['', undefined],
  ['[]', undefined],
  ['null', undefined],
  [JSON.stringify({ format: 'other', version: 1, chats: [chat] }), undefined],
  [toText([chat], { version: 2 }), undefined],
  [toText({}), undefined],
  [toText([]), []],
  [toText([null, 1, 'x', [], {}]), []],
  [toText([{ ...chat, id: '../x' }]), []],
  [toText([{ ...chat, id: 'constructor' }]), []],
  [toText([{ ...chat, updatedAt: '1' }]), []],
  [toText([{ ...chat, messages: { a: { ...message, parent: 7 } } }]), []],
  [toText([{ ...chat, messages: { a: { ...message, role: 'system' } } }]), []],
  [toText([{ ...chat, messages: [] }]), []],
])('a file like %j gives %j', (text, chats) => {
  expect(parseFile(text)).toEqual(chats)
})

test('invalid images, unknown fields and odd settings are left out', () => {
  const images = [
    'data:image/png;base64,iVBORw0KGgo=',
    'https://evil.example/x.png',
    'PHN2Zz4=',
    'UklGRiQAAABXQVZF',
    '/9j/4AA',
    '/9j/4A"',
    7,
    'iVBORw0KGgo=',
  ]
  const odd = {
    ...chat,
    more: 1,
    settings: { temperature: 'hot', model: 7, numCtx: 1, seed: 0.5, numPredict: 0, keepAlive: 'for ever' },
    messages: { a: { ...message, images, onclick: 'x' } },
  }
  expect(parseFile(toText([odd]))).toEqual([{ ...chat, messages: { a: { ...message, images: ['iVBORw0KGgo='] } } }])
})

test('a message with the name __proto__ does not reach Object.prototype', () => {
  const text = toText([chat]).replaceAll('"a"', '"__proto__"')
  expect(parseFile(text)).toEqual([])
  expect({}).not.toHaveProperty('role')
})

test('a time in the future becomes the present, or that chat would win every merge', () => {
  const future = { ...chat, updatedAt: 9e15, messages: { a: { ...message, updatedAt: 9e15 } } }
  expect(parseFile(toText([future]), 1000)).toEqual([
    { ...chat, updatedAt: 1000, messages: { a: { ...message, updatedAt: 1000 } } },
  ])
})

test('a call of a tool that is nested without end is left out', () => {
  const toArguments = (depth: number): unknown => JSON.parse('{"x":'.repeat(depth) + '1' + '}'.repeat(depth))
  const toAnswer = (depth: number) => ({
    ...message,
    role: 'assistant',
    toolCalls: [{ name: 'f', arguments: toArguments(depth) }],
  })
  const calls = (depth: number) => parseFile(toText([{ ...chat, messages: { a: toAnswer(depth) } }]))![0]!.messages.a!.toolCalls
  expect(calls(3)).toHaveLength(1)
  expect(calls(1000)).toBeUndefined()
})

test('a file that is too long is refused', () => {
  const text = toText([{ ...chat, title: 'x' }])
  expect(parseFile(text.padEnd(64 * 2 ** 20))).toHaveLength(1)
  expect(parseFile(text.padEnd(64 * 2 ** 20 + 1))).toBeUndefined()
})

test('any file is parsed or refused, and nothing throws', () => {
  fc.assert(fc.property(fc.json(), (text) => void parseFile(text)))
  fc.assert(fc.property(fc.jsonValue(), (value) => void parseFile(toText([{ ...chat, messages: { a: value } }, value]))))
})
