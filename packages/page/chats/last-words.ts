import type { KeptTexts } from '../storage/kept-texts.ts'
import type { Chat, Message } from './chat.ts'

/**
 * What a page that goes away could not keep: IndexedDB is too slow for that, its last writes die with the page. It is left on the device for the
 * next page, whichever tab that is in.
 */
export interface LastWords {
  /** Of pages before: chats with those messages alone that the disk may not have. */
  readonly found: readonly Chat[]
  /** The disk has all of this chat. */
  learn(chat: Chat): void
  leave(saves: readonly { readonly chat: Chat }[]): void
}

const name = 'sluice.last-words'

export function createLastWords(device: KeptTexts): LastWords {
  const onDisk = new WeakSet<Message>()
  const found = device.readMap<Chat>(name)
  device.write(name, undefined)

  const toNews = (chat: Chat): Chat => {
    const news = Object.entries(chat.messages).filter(([, message]) => !onDisk.has(message))
    return { ...chat, messages: Object.fromEntries(news) }
  }
  return {
    found: [...found.values()],
    learn: (chat) => Object.values(chat.messages).forEach((message) => onDisk.add(message)),
    leave(saves) {
      // Beside those of other tabs: a browser closes all at once.
      const all = [...device.readMap(name), ...saves.map(({ chat }) => [chat.id, toNews(chat)])]
      if (saves.length > 0) device.write(name, JSON.stringify(all))
    },
  }
}
