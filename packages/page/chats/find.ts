import type { Chat } from './chat.ts'

/** The chats that have every word of the query in their title or in a message of any branch, in the order in which they come; without a word, all. */
export function find(chats: readonly Chat[], query: string): readonly Chat[] {
  const words = fold(query).split(/\s+/).filter(Boolean)
  if (words.length === 0) return chats
  return chats.filter((chat) => words.every((word) => toFolded(chat).includes(word)))
}

/** Chats are never changed in place: each is folded once, at the first search. */
const folded = new WeakMap<Chat, string>()

function toFolded(chat: Chat): string {
  let text = folded.get(chat)
  if (text === undefined) {
    // No word has a line feed in it: none is found across two messages.
    text = fold([chat.title, ...Object.values(chat.messages).map(({ text }) => text)].join('\n'))
    folded.set(chat, text)
  }
  return text
}

/** Upper case and lower case are the same, and so are wide and narrow (`Ａ１` and `a1`). */
function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase()
}
