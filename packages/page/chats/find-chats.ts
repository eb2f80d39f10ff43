import type { Chat } from './chat.ts'

/**
 * Returns the chats that contain every word of the query, in the title or in a message of any
 * branch. The order stays the same. A query without a word finds all chats.
 */
export function findChats(chats: readonly Chat[], query: string): readonly Chat[] {
  const words = fold(query).split(/\s+/).filter(Boolean)
  if (words.length === 0) return chats
  return chats.filter((chat) => words.every((word) => toFolded(chat).includes(word)))
}

/**
 * The searchable text of each chat. It is made once, at the first search, because chats are never
 * changed in place.
 */
const folded = new WeakMap<Chat, string>()

function toFolded(chat: Chat): string {
  let text = folded.get(chat)
  if (text === undefined) {
    // A word has no line feed, so no word is found across two messages.
    text = fold([chat.title, ...Object.values(chat.messages).map(({ text }) => text)].join('\n'))
    folded.set(chat, text)
  }
  return text
}

/** Makes upper and lower case equal, and also wide and narrow characters (`Ａ１` and `a1`). */
function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase()
}
