import type { Chat, Message } from './chat.ts'

/**
 * With one more message, which is shown; or with a newer state of one that it has. The latter leaves all else as it is, the chat's
 * `updatedAt` too: an answer that is being written must not win over what another tab renames or chooses meanwhile.
 */
export function withMessage(chat: Chat, message: Message): Chat {
  const messages = { ...chat.messages, [message.id]: message }
  if (Object.hasOwn(chat.messages, message.id)) return { ...chat, messages }
  const chosen = { ...chat.chosen, [message.parent]: message.id }
  // Later than what it has, even if the clock was set back: or the change would lose against what it changes.
  return { ...chat, messages, chosen, updatedAt: Math.max(chat.updatedAt + 1, message.createdAt) }
}
