import type { SafeStorage } from '../storage/safe-storage.ts'
import type { Chat, Message } from './chat.ts'

/**
 * The chats that a page could not store before it was closed. At that time IndexedDB is too slow,
 * because its unfinished writes are lost with the page. So the page writes these chats to
 * localStorage. The next page, in any tab, finds them there.
 */
export interface UnsavedChats {
  /** The chats from earlier pages. They contain only messages that may be missing in IndexedDB. */
  readonly found: readonly Chat[]
  /** Records that IndexedDB contains every message of this chat. */
  markStored(chat: Chat): void
  write(saves: readonly { readonly chat: Chat }[]): void
}

const name = 'sluice.last-words'

export function createUnsavedChats(device: SafeStorage): UnsavedChats {
  const onDisk = new WeakSet<Message>()
  const found = device.readMap<Chat>(name)
  device.write(name, undefined)

  const toNews = (chat: Chat): Chat => {
    const news = Object.entries(chat.messages).filter(([, message]) => !onDisk.has(message))
    return { ...chat, messages: Object.fromEntries(news) }
  }
  return {
    found: [...found.values()],
    markStored: (chat) => Object.values(chat.messages).forEach((message) => onDisk.add(message)),
    write(saves) {
      // Keeps the chats that other tabs have just written, because a browser that quits closes all
      // tabs together.
      const all = [...device.readMap(name), ...saves.map(({ chat }) => [chat.id, toNews(chat)])]
      if (saves.length > 0) device.write(name, JSON.stringify(all))
    },
  }
}
