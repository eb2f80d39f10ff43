import type { SafeStorage } from '../storage/safe-storage.ts'
import type { Chat, Message } from './chat.ts'

/**
 * What a page could not store before it went away. IndexedDB is too slow then, because its last
 * writes die with the page. So the page leaves them on the device for the next page, in whichever
 * tab that is.
 */
export interface UnsavedChats {
  /** Chats that earlier pages left. They have only those messages that the disk may not have. */
  readonly found: readonly Chat[]
  /** Remembers that the disk has all of this chat. */
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
      // Other tabs may have left chats too, because a browser closes all its tabs at once.
      const all = [...device.readMap(name), ...saves.map(({ chat }) => [chat.id, toNews(chat)])]
      if (saves.length > 0) device.write(name, JSON.stringify(all))
    },
  }
}
