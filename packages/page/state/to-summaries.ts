import type { Chat } from '../chats/chat.ts'
import { toThread } from '../chats/to-thread.ts'
import type { ChatSummary } from './page-state.ts'

/** Newest first. */
export function toSummaries(chats: Iterable<Chat>): ChatSummary[] {
  return [...chats]
    .toSorted((a, b) => b.updatedAt - a.updatedAt)
    .map((chat) => ({ id: chat.id, title: chat.title || toTitle(chat), updatedAt: chat.updatedAt }))
}

/** The first line of what was asked first: 60 characters, cut at a word. */
function toTitle(chat: Chat): string {
  const [line = ''] =
    toThread(chat)[0]
      ?.message.text.trim()
      .split(/\s*[\r\n]/, 1) ?? []
  const cut = /^.{0,60}/u.exec(line)![0]
  if (cut === line) return line
  // Chinese has no spaces, and is cut anywhere.
  const isWhole = /\s/.test(line[cut.length]!)
  return `${isWhole ? cut : (/^(.{20,})\s/u.exec(cut)?.[1] ?? cut)}…`
}
