import type { Chat } from './chat.ts'

/**
 * A tab that writes an answer saves it at least once a second. After this long without a save
 * there is no such tab any more.
 */
const lostAfterMs = 3000

/**
 * Ends the answers that no tab writes any more, because their tab was closed, was reloaded or has
 * crashed. `updatedAt` stays as it is, so that the next state of an answer that was only slow wins
 * in a merge. `nextAt` is the time to look again at an answer that may still be written.
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
