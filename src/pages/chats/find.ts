import type { Chat } from './chat.ts'

/** The chats that have every word of a query, in their title or in what was said; whatever the case or the width of its letters. */
export function find(chats: readonly Chat[], query: string): readonly Chat[] {
  const words = toPlain(query).split(/\s+/).filter(Boolean)
  if (words.length === 0) return chats
  return chats.filter((chat) => {
    const texts = [chat.title, ...Object.values(chat.messages).map(({ text }) => text)].map(toPlain)
    return words.every((word) => texts.some((text) => text.includes(word)))
  })
}

function toPlain(text: string): string {
  return text.normalize('NFKC').toLowerCase()
}
