import type { Chat } from './chat.ts'

/** A tab that writes an answer saves it at least each second; after this long without, there is none any more. */
const lostAfterMs = 3000

/**
 * Ends the answers that nobody writes on: the tab that did was closed, reloaded, or has crashed. Their `updatedAt` stays as it is, so that the
 * next state of one that was only slow wins in a merge. `nextAt` is when to look again at one that may be being written.
 */
export function toInterrupted(chat: Chat, now: number): { readonly chat: Chat; readonly nextAt: number | undefined } {
  const messages = { ...chat.messages }
  let nextAt: number | undefined
  for (const message of Object.values(chat.messages)) {
    if (message.role === 'user' || message.end) continue
    // A clock that was set back makes an age negative.
    if (Math.abs(now - message.updatedAt) < lostAfterMs) nextAt = Math.min(nextAt ?? Infinity, message.updatedAt + lostAfterMs)
    else messages[message.id] = { ...message, end: { how: 'interrupted' } }
  }
  return { chat: { ...chat, messages }, nextAt }
}
