import type { Chat, Message } from '../chats/chat.ts'
import { withMessage } from '../chats/with-message.ts'
import type { KeptTexts } from './kept-text.ts'

/** What a page that goes away has of unfinished answers. IndexedDB is too slow for that: its last write dies with the page. */
export interface LastWords {
  keep(partials: readonly (readonly [chatId: string, partial: Message])[]): void
  /** A chat of the history with what its answer had when the page went, or as it is. */
  recover(chat: Chat): Chat
}

const name = 'sluice.last-words'

export function createLastWords(tab: KeptTexts): LastWords {
  const left = tab.readMap<Message>(name)
  tab.write(name, undefined)
  return {
    keep(partials) {
      if (partials.length > 0) tab.write(name, JSON.stringify(partials))
    },
    recover(chat) {
      const partial = left.get(chat.id)
      const kept = partial && chat.messages[partial.id]
      const isNewer = kept && partial.updatedAt > kept.updatedAt
      return isNewer ? withMessage(chat, { ...partial, end: { how: 'interrupted' } }) : chat
    },
  }
}
