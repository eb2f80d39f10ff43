import type { Chat } from './chat.ts'

/**
 * The chats that have every word of the query in their title or in a message of any branch. Their
 * order stays. A query without a word finds all chats.
 */
export function findChats(chats: readonly Chat[], query: string): readonly Chat[] {
  const words = fold(query).split(/\s+/).filter(Boolean)
  if (words.length === 0) return chats
  return chats.filter((chat) => words.every((word) => toFolded(chat).includes(word)))
}

/** Each chat is folded once, at its first search, because chats are never changed in place. */
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

/** Makes upper and lower case equal, and wide and narrow characters too (`Ａ１` and `a1`). */
function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase()
}
