import { signal, type ReadonlySignal } from '@preact/signals'
import { createStore, entries, get, set, update, type UseStore } from 'idb-keyval'
import type { Chat, Message } from './chat.ts'
import { mergeChats } from './merge-chats.ts'
import { parseChat } from './parse-chat.ts'

/** Where chats are kept: IndexedDB, which all tabs of this browser share. Nothing rejects: `problem` tells why it keeps nothing. */
export interface History {
  /** Everything that is kept. An answer that nobody writes any more is interrupted. */
  all(): Promise<readonly Chat[]>
  /** Keeps a chat beside what other tabs have of it. May be called often: while one is written, the last of each chat waits. */
  save(chat: Chat): void
  /** Keeps a chat of a file, even one that was removed. */
  restore(chat: Chat): Promise<void>
  /** Resolves once all is kept. */
  flush(): Promise<void>
  remove(id: string): Promise<void>
  removeAll(): Promise<void>
  /** Another tab has kept something, or removed it: then `chat` is undefined. */
  onChange(listener: (id: string, chat: Chat | undefined) => void): void
  readonly problem: ReadonlySignal<'denied' | 'full' | undefined>
}

/** In the place of a removed chat: a tab that still has it must not bring it back. */
interface Grave {
  readonly removedAt: number
}

/** What tabs tell each other: a chat has changed; is anybody writing an answer in these; yes, in this one. */
type News = { readonly changed: string } | { readonly ask: readonly string[] } | { readonly writing: string }

const graveMs = 30 * 86_400_000
/** How long the other tabs have to say that they are writing. */
const replyMs = 250

export function createHistory(): History {
  const store = createStore('sluice', 'chats')
  const channel = typeof BroadcastChannel === 'function' ? new BroadcastChannel('sluice') : undefined
  const problem = signal<'denied' | 'full' | undefined>(undefined)
  const waiting = new Map<string, Chat>()
  /** Chats in which this tab writes. */
  const writing = new Set<string>()
  const listeners = new Set<(id: string, chat: Chat | undefined) => void>()
  const replies = new Set<(id: string) => void>()
  let saving: Promise<void> | undefined

  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel is of one origin
  const post = (news: News) => channel?.postMessage(news)
  const attempt = async <T>(step: () => Promise<T>, otherwise: T): Promise<T> => {
    try {
      const value = await step()
      problem.value = undefined
      return value
    } catch (error) {
      problem.value = (error as Error | undefined)?.name === 'QuotaExceededError' ? 'full' : 'denied'
      return otherwise
    }
  }

  async function saveWaiting() {
    for (let next; (next = waiting.entries().next().value);) {
      const [id, chat] = next
      waiting.delete(id)
      await attempt(() => update<unknown>(id, (kept) => toKept(kept, chat), store), undefined)
      post({ changed: id })
    }
    saving = undefined
  }

  async function bury(id: string) {
    waiting.delete(id)
    writing.delete(id)
    await saving
    await attempt(() => set(id, { removedAt: Date.now() } satisfies Grave, store), undefined)
    post({ changed: id })
  }

  /** Those of the chats in which another tab says that it is writing. */
  function findWriting(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const found = new Set<string>()
    if (!channel || ids.length === 0) return Promise.resolve(found)
    return new Promise((resolve) => {
      const hear = (id: string) => void found.add(id)
      replies.add(hear)
      post({ ask: ids })
      setTimeout(() => {
        replies.delete(hear)
        resolve(found)
      }, replyMs)
    })
  }

  channel?.addEventListener('message', ({ data }: MessageEvent<News>) => {
    if ('writing' in data) for (const hear of replies) hear(data.writing)
    else if ('ask' in data) {
      for (const id of data.ask) if (writing.has(id)) post({ writing: id })
    } else if ('changed' in data) {
      const id = data.changed
      void attempt(() => get<unknown>(id, store), undefined).then((kept) => {
        for (const listen of listeners) listen(id, parseChat(kept))
      })
    }
  })

  return {
    problem,
    async all() {
      const kept = await attempt(() => readAll(store), [])
      const unended = kept.filter(isUnended).map(({ id }) => id)
      const alive = await findWriting(unended)
      return kept.map((chat) => (alive.has(chat.id) ? chat : toInterrupted(chat)))
    },
    save(chat) {
      waiting.set(chat.id, chat)
      if (isUnended(chat)) writing.add(chat.id)
      else writing.delete(chat.id)
      saving ??= saveWaiting()
    },
    async restore(chat) {
      await saving
      await attempt(() => update<unknown>(chat.id, (kept) => toMerged(kept, chat), store), undefined)
      post({ changed: chat.id })
    },
    flush: async () => saving,
    remove: bury,
    async removeAll() {
      for (const { id } of await attempt(() => readAll(store), [])) await bury(id)
    },
    onChange: (listener) => void listeners.add(listener),
  }
}

/** Graves of long ago are opened. */
async function readAll(store: UseStore): Promise<Chat[]> {
  const all = await entries<string, unknown>(store)
  const old = all.filter(([, value]) => isGrave(value) && value.removedAt < Date.now() - graveMs)
  for (const [id] of old) await store('readwrite', (chats) => void chats.delete(id))
  return all.flatMap(([, value]) => parseChat(value) ?? [])
}

/** A removed chat stays removed, whatever a tab still has of it. */
function toKept(kept: unknown, chat: Chat): unknown {
  return isGrave(kept) ? kept : toMerged(kept, chat)
}

function toMerged(kept: unknown, chat: Chat): Chat {
  const other = parseChat(kept)
  return other ? mergeChats(other, chat) : chat
}

function isGrave(value: unknown): value is Grave {
  return typeof (value as Partial<Grave> | undefined)?.removedAt === 'number'
}

function isUnended({ messages }: Chat): boolean {
  return Object.values(messages).some(isBeingWritten)
}

function isBeingWritten({ role, end }: Message): boolean {
  return role === 'assistant' && end === undefined
}

function toInterrupted(chat: Chat): Chat {
  if (!isUnended(chat)) return chat
  const entries = Object.entries(chat.messages).map(([id, message]): [string, Message] => [
    id,
    isBeingWritten(message) ? { ...message, end: { how: 'interrupted' } } : message,
  ])
  return { ...chat, messages: Object.fromEntries(entries) }
}
