import type { Chat, Message } from './chat.ts'

/**
 * Of two states of one chat, as two tabs have written them: every message of either, the newer state of each; title, settings and branches of
 * the newer chat. The order does not matter, nor does it if a state comes twice. What is the same in both is the first one's object.
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

/** At the same time, one that has ended, then the longer one; then any, but in every tab the same. */
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

/** Without its images: a megabyte each, twice a second. */
function toRest(message: Message): string {
  return JSON.stringify({ ...message, images: undefined })
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1
}
