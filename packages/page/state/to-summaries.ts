import type { Chat } from '../chats/chat.ts'
import { toThread } from '../chats/to-thread.ts'
import type { ChatSummary } from './page-state.ts'

/** The chats as the list shows them, newest first. */
export function toSummaries(chats: Iterable<Chat>): ChatSummary[] {
  return [...chats]
    .toSorted((a, b) => b.updatedAt - a.updatedAt)
    .map((chat) => ({ id: chat.id, title: chat.title || toTitle(chat), updatedAt: chat.updatedAt }))
}

/** Returns the first line of the first question, cut at a word after at most 60 characters. */
function toTitle(chat: Chat): string {
  const [line = ''] =
    toThread(chat)[0]
      ?.message.text.trim()
      .split(/\s*[\r\n]/, 1) ?? []
  const cut = /^.{0,60}/u.exec(line)![0]
  if (cut === line) return line
  // Chinese has no spaces, so it is cut between any two characters.
  const isWhole = /\s/.test(line[cut.length]!)
  return `${isWhole ? cut : (/^(.{20,})\s/u.exec(cut)?.[1] ?? cut)}…`
}
