import * as fc from 'fast-check'
import type { Chat, End, Message } from '#page/chats/chat.ts'

const id = fc.constantFrom('a', 'b', 'c', 'd', 'e')
const time = fc.integer({ min: 1, max: 5 })
const end = fc.option(
  fc.constantFrom<End>(
    { how: 'done' },
    { how: 'length' },
    { how: 'stopped', isFreed: true },
    { how: 'failed', code: 'network', text: 'x' },
    { how: 'interrupted', why: 'lost' },
  ),
  { nil: undefined },
)

const message: fc.Arbitrary<Message> = fc
  .record({
    id,
    parent: fc.oneof(fc.constant(''), id),
    createdAt: time,
    updatedAt: time,
    text: fc.string({ maxLength: 3 }),
    end,
    acceptedAt: fc.option(time, { nil: undefined }),
  })
  .chain(({ end, acceptedAt, ...rest }) =>
    fc.constantFrom('user', 'assistant').map((role): Message => ({
      ...rest,
      role,
      ...(end && role === 'assistant' && { end }),
      ...(acceptedAt !== undefined && role === 'assistant' && { acceptedAt }),
    })),
  )

/**
 * A chat with few possible ids and times, so that several chats have much in common. Parents can be
 * missing or form a cycle.
 */
export const chat: fc.Arbitrary<Chat> = fc
  .record({
    title: fc.constantFrom('', 'one', 'two'),
    createdAt: time,
    updatedAt: time,
    settings: fc.constantFrom({}, { model: 'm' }, { temperature: 1 }),
    messages: fc.uniqueArray(message, { selector: ({ id }) => id, minLength: 1 }),
    chosen: fc.dictionary(fc.oneof(fc.constant(''), id), id),
  })
  .map(({ messages, ...rest }) => ({
    id: 'chat',
    ...rest,
    messages: Object.fromEntries(messages.map((message) => [message.id, message])),
  }))
