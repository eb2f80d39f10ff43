import { expect, test } from 'vitest'
import type { Chat } from '#page/chats/chat.ts'
import { toSummaries } from '#page/state/to-summaries.ts'

function toChat(text: string, rest: Partial<Chat> = {}): Chat {
  const at = { createdAt: 1, updatedAt: 1 }
  const messages = { m: { id: 'm', parent: '', role: 'user' as const, text, ...at } }
  return { id: text, title: '', settings: {}, messages, chosen: {}, ...at, ...rest }
}

test.each([
  ['Why is the sky blue?', 'Why is the sky blue?'],
  ['\n  First line \r\nsecond line', 'First line'],
  ['', ''],
  ['word '.repeat(20), `${'word '.repeat(12).trim()}…`],
  [`${'a'.repeat(60)} b`, `${'a'.repeat(60)}…`],
  ['a'.repeat(70), `${'a'.repeat(60)}…`],
  ['天'.repeat(70), `${'天'.repeat(60)}…`],
  ['🐙'.repeat(61), `${'🐙'.repeat(60)}…`],
])('%j is shown as %j', (text, title) => {
  expect(toSummaries([toChat(text)])[0]?.title).toBe(title)
})

test('a chat that was named is shown by its name, and the newest first', () => {
  const chats = [toChat('old', { updatedAt: 1 }), toChat('new', { updatedAt: 2, title: 'Named' })]
  expect(toSummaries(chats).map(({ title }) => title)).toEqual(['Named', 'old'])
})
