import type { Chat, Message } from './chat.ts'

/**
 * A tab that writes an answer saves it at least once a second. If it has not saved for 3 s, it is
 * assumed to be gone.
 */
const lostAfterMs = 3000

/** Whether no tab saves this unended answer any more. */
export function isLeft({ updatedAt }: Message, now: number): boolean {
  // The age is negative if the clock was set back.
  return Math.abs(now - updatedAt) >= lostAfterMs
}

/**
 * Ends the answers that no tab writes any more, because their tab was closed, was reloaded or has
 * crashed. An answer with a stream does not end, because another tab can read the rest of it.
 * `updatedAt` is not changed. So if the tab was only slow, its next save wins the merge. If a tab
 * may still be writing an answer, check the chat again at `nextAt`.
 */
export function toInterrupted(chat: Chat, now: number): { readonly chat: Chat; readonly nextAt: number | undefined } {
  const messages = { ...chat.messages }
  let nextAt: number | undefined
  for (const message of Object.values(chat.messages)) {
    if (message.role === 'user' || message.end) continue
    if (!isLeft(message, now)) nextAt = Math.min(nextAt ?? Infinity, message.updatedAt + lostAfterMs)
    else if (!message.stream) messages[message.id] = { ...message, end: { how: 'interrupted' } }
  }
  return { chat: { ...chat, messages }, nextAt }
}
