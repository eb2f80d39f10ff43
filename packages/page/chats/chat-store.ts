import { createStore, get, getMany, keys, promisifyRequest, set, update } from 'idb-keyval'
import type { Chat } from './chat.ts'
import { mergeChats } from './merge-chats.ts'

/**
 * The record that replaces a removed chat in the store. Without this record, a tab that does not
 * know of the removal yet would store the chat again.
 */
export interface Removal {
  readonly id: string
  readonly removedAt: number
}

export function isRemoval(record: Chat | Removal): record is Removal {
  return 'removedAt' in record
}

/**
 * The chats in IndexedDB, each under its id. Each write is one transaction. The methods reject if
 * storage is denied or full.
 */
export interface ChatStore {
  readAll(): Promise<(Chat | Removal)[]>
  read(id: string): Promise<Chat | Removal | undefined>
  /**
   * Merges a chat into the stored chat. If the chat was removed, the store keeps the removal and
   * ignores the chat. There is one exception: if `removedAt` is the time of this removal, the tab
   * knew of the removal when it saved the chat, so the chat is stored again. Resolves to the record
   * that is stored now.
   */
  write(chat: Chat, removedAt: number | undefined): Promise<Chat | Removal>
  remove(removal: Removal): Promise<void>
  /** Resolves to the ids of the removed chats. */
  removeAll(removedAt: number): Promise<string[]>
  /** Deletes the `Removal` records that are older than this time. */
  forget(before: number): Promise<void>
}

export function createChatStore(): ChatStore {
  const store = createStore('sluice', 'chats')

  /** Calls `act` with every record, in one transaction. */
  const change = (act: (record: Chat | Removal, store: IDBObjectStore) => void) =>
    store('readwrite', (store) => {
      const request = store.getAll() as IDBRequest<(Chat | Removal)[]>
      request.addEventListener('success', () => request.result.forEach((record) => act(record, store)))
      return promisifyRequest(store.transaction)
    })

  return {
    async readAll() {
      // Each chat is read by its own request. With a thousand chats this is faster than one request
      // for all chats, and it never blocks the page for long.
      const all = await getMany<Chat | Removal>(await keys(store), store)
      return all.filter((record) => record !== undefined)
    },
    read: async (id) => get<Chat | Removal>(id, store),
    async write(chat, removedAt) {
      let stored: Chat | Removal = chat
      const merge = (old: Chat | Removal | undefined) => {
        if (old) stored = isRemoval(old) ? (old.removedAt === removedAt ? chat : old) : mergeChats(old, chat)
        return stored
      }
      await update(chat.id, merge, store)
      return stored
    },
    remove: async (removal) => set(removal.id, removal, store),
    async removeAll(removedAt) {
      const ids: string[] = []
      await change((record, store) => {
        if (isRemoval(record)) return
        ids.push(record.id)
        store.put({ id: record.id, removedAt } satisfies Removal, record.id)
      })
      return ids
    },
    async forget(before) {
      await change((record, store) => {
        if (isRemoval(record) && record.removedAt < before) store.delete(record.id)
      })
    },
  }
}
