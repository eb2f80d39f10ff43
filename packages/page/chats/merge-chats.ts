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
 * Returns the newer message. If both are states of one answer that several tabs read, the longer
 * one is newer, because a tab whose connection is broken may save an older state later. Of equally
 * long ones, the one with the better end wins. If all of this is equal, a comparison of the
 * contents makes every tab choose the same message.
 */
function toNewer(a: Message, b: Message): Message {
  if (a === b) return a
  const order =
    toTime(a) - toTime(b) ||
    toLength(a) - toLength(b) ||
    toRank(a) - toRank(b) ||
    a.updatedAt - b.updatedAt ||
    compare(toRest(a), toRest(b)) ||
    compare(String(a.images), String(b.images))
  return order >= 0 ? a : b
}

/** All states of one resumable answer have the same time. */
function toTime({ acceptedAt, updatedAt }: Message): number {
  return acceptedAt ?? updatedAt
}

/** An answer only grows, so its length tells how far a tab has read it. */
function toLength({ text, thinking = '', toolCalls = [] }: Message): number {
  return text.length + thinking.length + toolCalls.length
}

/** An end that the server reported wins over an end that only one tab has seen. */
function toRank({ end }: Message): number {
  if (!end) return 0
  return end.how === 'interrupted' || end.how === 'failed' ? 1 : 2
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
