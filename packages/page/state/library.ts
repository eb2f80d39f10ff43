import { signal } from '@preact/signals'
import type { ReadonlySignal } from '@preact/signals'
import type { Chat } from '../chats/chat.ts'
import type { History } from '../chats/history.ts'
import { mergeChats } from '../chats/merge-chats.ts'

/** The part of the history that the library and the page use. */
export type ChatHistory = Pick<History, 'all' | 'save' | 'flush' | 'leave' | 'remove' | 'removeAll' | 'onChange' | 'problem'>

/**
 * All chats that have at least one message. The library keeps them in memory and stores them in the
 * history. It applies the changes that other tabs make.
 */
export interface Library {
  readonly all: ReadonlySignal<ReadonlyMap<string, Chat>>
  /** True until the chats of the history are loaded. */
  readonly isReading: ReadonlySignal<boolean>
  /** Resolves when the chats of the history are loaded. Never rejects. */
  readonly loaded: Promise<void>
  /** Adds a chat, or replaces its previous state. */
  put(chat: Chat): void
  /** Adds a chat from a file. If the chat already exists, the two are merged. */
  merge(chat: Chat): void
  remove(id: string): Promise<void>
  removeAll(): Promise<void>
}

interface LibraryOptions {
  readonly history: ChatHistory
  /**
   * Returns a copy of `merged` in which the parts that this tab is still changing come from
   * `local`.
   */
  readonly preferLocal: (merged: Chat, local: Chat) => Chat
  /** Called when a chat was read from the history, or has been changed by another tab. */
  readonly onShown: (chat: Chat) => void
  /** Called when another tab has removed the chat. */
  readonly onRemoved: (id: string) => void
}

export function createLibrary({ history, preferLocal, onShown, onRemoved }: LibraryOptions): Library {
  const all = signal<ReadonlyMap<string, Chat>>(new Map())

  const isReading = signal(true)

  const show = (chats: readonly Chat[]) => {
    const next = new Map(all.peek())
    for (const chat of chats) {
      const local = next.get(chat.id)
      next.set(chat.id, local ? preferLocal(mergeChats(local, chat), local) : chat)
    }
    all.value = next
    for (const { id } of chats) onShown(next.get(id)!)
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
    merge(chat) {
      show([chat])
      history.save(all.peek().get(chat.id)!)
    },
    // A chat disappears from the page only after it is removed from the disk. So a reload a moment
    // later does not show it again.
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
