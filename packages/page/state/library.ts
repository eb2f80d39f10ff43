import { signal } from '@preact/signals'
import type { ReadonlySignal } from '@preact/signals'
import type { Chat } from '../chats/chat.ts'
import type { History } from '../chats/history.ts'
import { mergeChats } from '../chats/merge-chats.ts'

/** What is used of the history. */
export type KeptChats = Pick<History, 'all' | 'save' | 'flush' | 'leave' | 'remove' | 'removeAll' | 'onChange' | 'problem'>

/** All chats that have a message, in memory and in the history; other tabs' changes come in by themselves. */
export interface Library {
  readonly all: ReadonlySignal<ReadonlyMap<string, Chat>>
  /** Until those of the history are there. */
  readonly isReading: ReadonlySignal<boolean>
  /** Resolves when they are; never rejects. */
  readonly loaded: Promise<void>
  /** Takes a chat in as it is now, or instead of what it was. */
  put(chat: Chat): void
  /** Takes in one of a file, beside what there is of it. */
  takeIn(chat: Chat): void
  remove(id: string): Promise<void>
  removeAll(): Promise<void>
}

interface LibraryOptions {
  readonly history: KeptChats
  /** Puts into a merged chat what of this tab's is newer than all that is kept. */
  readonly keepOwn: (merged: Chat, own: Chat) => Chat
  /** Another tab has removed it. */
  readonly onRemoved: (id: string) => void
}

export function createLibrary({ history, keepOwn, onRemoved }: LibraryOptions): Library {
  const all = signal<ReadonlyMap<string, Chat>>(new Map())

  const isReading = signal(true)

  const show = (chats: readonly Chat[]) => {
    const next = new Map(all.peek())
    for (const chat of chats) {
      const mine = next.get(chat.id)
      next.set(chat.id, mine ? keepOwn(mergeChats(mine, chat), mine) : chat)
    }
    all.value = next
  }
  const put = (chat: Chat) => {
    all.value = new Map(all.peek()).set(chat.id, chat)
    history.save(chat)
  }
  const forget = (id: string) => {
    const rest = new Map(all.peek())
    if (rest.delete(id)) all.value = rest
  }

  history.onChange((id, chat) => {
    if (chat) return show([chat])
    forget(id)
    onRemoved(id)
  })

  return {
    all,
    isReading,
    loaded: history
      .all()
      .then(show)
      .finally(() => (isReading.value = false)),
    put,
    takeIn(chat) {
      show([chat])
      history.save(all.peek().get(chat.id)!)
    },
    // What is shown as gone is gone: a reload a moment later does not bring it back.
    async remove(id) {
      await history.remove(id)
      forget(id)
    },
    async removeAll() {
      const ids = [...all.peek().keys()]
      await history.removeAll()
      for (const id of ids) forget(id)
    },
  }
}
