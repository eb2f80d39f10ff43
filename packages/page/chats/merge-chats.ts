import type { Chat, Message } from './chat.ts'

/**
 * Merges two states of one chat that two tabs have written. The result has every message of both,
 * each in its newer state, and the title, settings and branches of the newer chat. The content of
 * the result does not depend on the order of `a` and `b`, or on how often they are merged. If a
 * message is equal in both, the result contains the message object of `a`.
 */
export function mergeChats(a: Chat, b: Chat): Chat {
  const messages: Record<string, Message> = { ...a.messages }
  for (const [id, other] of Object.entries(b.messages)) {
    const mine = Object.hasOwn(messages, id) ? messages[id] : undefined
    messages[id] = mine ? toNewer(mine, other) : other
  }
  const isFirst = (a.updatedAt - b.updatedAt || compare(toHead(a), toHead(b))) >= 0
  return { ...(isFirst ? a : b), messages, createdAt: Math.min(a.createdAt, b.createdAt) }
}

/**
 * Returns the newer message. If both have the same time, a message that has ended wins over a
 * message that has not. If both or neither have ended, the longer text wins. If the lengths are
 * equal too, a comparison of the contents makes every tab choose the same message.
 */
function toNewer(a: Message, b: Message): Message {
  if (a === b) return a
  const order =
    a.updatedAt - b.updatedAt ||
    Number('end' in a) - Number('end' in b) ||
    a.text.length - b.text.length ||
    compare(toRest(a), toRest(b)) ||
    compare(String(a.images), String(b.images))
  return order >= 0 ? a : b
}

function toHead({ title, settings, chosen }: Chat): string {
  return JSON.stringify([title, settings, chosen])
}

/**
 * Serializes a message without its images. This runs twice a second, and an image may have a
 * megabyte.
 */
function toRest(message: Message): string {
  return JSON.stringify({ ...message, images: undefined })
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1
}
