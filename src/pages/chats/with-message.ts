import type { Chat, Message } from './chat.ts'

/** The chat with a message more, or another one in its place. */
export function withMessage(chat: Chat, message: Message): Chat {
  return {
    ...chat,
    updatedAt: Math.max(chat.updatedAt, message.updatedAt),
    messages: { ...chat.messages, [message.id]: message },
  }
}
