import type { Chat } from '../chats/chat.ts'
import { isLeft } from '../chats/to-interrupted.ts'
import type { Runs } from './runs.ts'

/** Reads answers that another page has requested: this page before a reload, or another tab. */
export interface Following {
  /**
   * Reads an answer of this chat that has not ended. In the open chat this happens at once, so that
   * every tab shows the answer live. It happens once for each stream: if this tab cannot read a
   * stream, it must not try for ever. In other chats it happens when no tab saves the answer any
   * more, because a browser has only a few connections to a server.
   */
  follow(chat: Chat, isOpen: boolean): void
  /** Ends the chat's answer and keeps none of it, because the chat is removed. */
  drop(chatId: string): void
}

export function createFollowing(runs: Runs, now: () => number): Following {
  const followed = new Set<string>()
  const dropped = new Set<string>()
  return {
    follow(chat, isOpen) {
      if (runs.all.peek().has(chat.id) || dropped.has(chat.id)) return
      for (const answer of Object.values(chat.messages)) {
        const { stream, end } = answer
        if (!stream || end) continue
        if (!isLeft(answer, now()) && (!isOpen || followed.has(stream.address))) continue
        followed.add(stream.address)
        return runs.start(chat.id, answer)
      }
    },
    drop(chatId) {
      dropped.add(chatId)
      runs.drop(chatId)
    },
  }
}
