import type { Chat, Message } from './chat.ts'

/**
 * Returns the chat with one more message, which is then shown, or with a newer state of one of its
 * messages. A newer state does not change the chat's `updatedAt`. Otherwise an answer that is being
 * written would win over a title or branch that another tab sets at the same time.
 */
export function withMessage(chat: Chat, message: Message): Chat {
  const messages = { ...chat.messages, [message.id]: message }
  if (Object.hasOwn(chat.messages, message.id)) return { ...chat, messages }
  const chosen = { ...chat.chosen, [message.parent]: message.id }
  // The new time is later than the old one, even if the clock was set back. Otherwise the old state
  // would win in a merge.
  return { ...chat, messages, chosen, updatedAt: Math.max(chat.updatedAt + 1, message.createdAt) }
}
