import type { Chat } from './chat.ts'

/** The chats that have every word of the query in their title or in a message of any branch, in the order in which they come; without a word, all. */
export function find(chats: readonly Chat[], query: string): readonly Chat[] {
  const words = fold(query).split(/\s+/).filter(Boolean)
  if (words.length === 0) return chats
  return chats.filter((chat) => {
    const title = fold(chat.title)
    const messages = Object.values(chat.messages)
    return words.every((word) => title.includes(word) || messages.some((message) => toFolded(message).includes(word)))
  })
}

/** Messages are never changed in place: each is folded once, at the first search, and forgotten with it. */
const folded = new WeakMap<object, string>()

function toFolded(message: { readonly text: string }): string {
  let text = folded.get(message)
  if (text === undefined) folded.set(message, (text = fold(message.text)))
  return text
}

/** Upper case and lower case are the same, and so are wide and narrow (`Ａ１` and `a1`). */
function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase()
}
