import type { Chat, Message } from './chat.ts'

/**
 * What two tabs, or a tab and a file, have of one chat: all messages of both, of each the newer, and the newer's title, settings and choices.
 * In whatever order, and however often, the result is the same.
 */
export function mergeChats(a: Chat, b: Chat): Chat {
  const [older, newer] = isBefore(a, b, toOwn) ? [a, b] : [b, a]
  const messages: Record<string, Message> = { ...older.messages }
  for (const message of Object.values(newer.messages)) {
    const other = messages[message.id]
    if (!other || isBefore(other, message, toRank)) messages[message.id] = message
  }
  return { ...newer, createdAt: Math.min(a.createdAt, b.createdAt), messages }
}

/** What is not merged part by part. */
function toOwn({ title, settings, chosen }: Chat): string {
  return JSON.stringify([title, settings, chosen])
}

/** Of two as new, one that has ended goes before one that is being written. */
function toRank(message: Message): string {
  return `${message.end ? 1 : 0}${JSON.stringify(message)}`
}

/** Any order will do where the times are the same, if it is always the same one. */
function isBefore<T extends { readonly updatedAt: number }>(a: T, b: T, toText: (value: T) => string): boolean {
  return a.updatedAt === b.updatedAt ? toText(a) < toText(b) : a.updatedAt < b.updatedAt
}
