import type { Chat, Message } from './chat.ts'

/**
 * Returns the chat with the message added and shown. If the chat already has a message with this
 * id, the message is replaced, and the chat's `updatedAt` does not change. If it changed, each new
 * state of a growing answer would win over a title or branch that another tab sets meanwhile.
 */
export function withMessage(chat: Chat, message: Message): Chat {
  const messages = { ...chat.messages, [message.id]: message }
  if (Object.hasOwn(chat.messages, message.id)) return { ...chat, messages }
  const chosen = { ...chat.chosen, [message.parent]: message.id }
  // The new time is later than the old one, even if the clock was set back. Otherwise the old state
  // would win in a merge.
  return { ...chat, messages, chosen, updatedAt: Math.max(chat.updatedAt + 1, message.createdAt) }
}
