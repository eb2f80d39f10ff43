import { signal } from '@preact/signals'
import type { ReadonlySignal } from '@preact/signals'
import type { Chat } from './chat.ts'
import { createChatStore, isRemoval } from './chat-store.ts'
import type { Removal } from './chat-store.ts'
import type { UnsavedChats } from './unsaved-chats.ts'
import { mergeChats } from './merge-chats.ts'
import { toInterrupted } from './to-interrupted.ts'

/**
 * The chats that this browser stores, for all its tabs. No method rejects. If storage is denied or
 * full, `problem` is set. A chat that could not be stored stays in memory and in `all()`, and the
 * next save tries to store it again.
 */
export interface History {
  /**
   * Returns all chats, in no particular order. An answer that no tab writes any more is
   * `interrupted`, unless it has a stream.
   */
  all(): Promise<readonly Chat[]>
  /**
   * Stores a chat, merged with the changes that other tabs have stored. Call it at every change.
   * While an answer is being written, call it at least once a second with a newer `updatedAt`,
   * because otherwise other tabs assume that the answer is interrupted. If a save of this chat
   * still waits to be stored, the new save replaces it.
   */
  save(chat: Chat): void
  /** Resolves when every save has succeeded or failed. */
  flush(): Promise<void>
  /**
   * Call this when the page is closed. The chats that are not stored yet are handed to the next
   * page.
   */
  leave(): void
  /**
   * Removes a chat in all tabs. If another tab saves the chat before it learns of the removal, the
   * chat stays removed. A tab that already knows of the removal can store the chat again, for
   * example when the user imports the chat.
   */
  remove(id: string): Promise<void>
  removeAll(): Promise<void>
  /**
   * Sets the only listener. It is called when another tab has changed a chat, and when no tab
   * writes an answer any more. When another tab has removed the chat, `chat` is undefined. Parts of
   * `chat` may be older than the same chat in this tab, so the listener must merge the two.
   */
  onChange(listener: (id: string, chat: Chat | undefined) => void): void
  readonly problem: ReadonlySignal<HistoryProblem | undefined>
}

export type HistoryProblem = 'denied' | 'full'

/** A save that has not reached the disk yet. */
interface Pending {
  readonly chat: Chat
  /**
   * The time of the chat's removal, if this tab already knew of the removal when it saved the chat.
   * Such a save brings the chat back.
   */
  readonly removedAt: number | undefined
  hasFailed: boolean
}

/** How long removals are kept. A tab that sleeps longer may miss a removal. */
const removalsMs = 30 * 24 * 60 * 60 * 1000

export function createHistory(unsavedChats: UnsavedChats, now: () => number = Date.now): History {
  const store = createChatStore()
  const problem = signal<HistoryProblem | undefined>(undefined)
  const pending = new Map<string, Pending>()
  /** The removals that this tab knows of. */
  const removals = new Map<string, number>()
  const timers = new Map<string, ReturnType<typeof setTimeout>>()
  let notify: (id: string, chat: Chat | undefined) => void = () => {}
  let writing: Promise<void> | undefined

  const channel = openChannel((ids) => ids.forEach((id) => void reload(id)))
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has one origin
  const post = (ids: readonly string[]) => channel?.postMessage(ids)
  const fail = (error: unknown) => {
    problem.value = error instanceof Error && error.name === 'QuotaExceededError' ? 'full' : 'denied'
  }

  const applyRemoval = ({ id, removedAt }: Removal) => {
    removals.set(id, removedAt)
    pending.delete(id)
    notify(id, undefined)
  }
  const toShown = (stored: Chat): Chat => {
    unsavedChats.markStored(stored)
    const { chat, nextAt } = toInterrupted(stored, now())
    clearTimeout(timers.get(chat.id))
    if (nextAt !== undefined)
      timers.set(
        chat.id,
        setTimeout(() => void reload(chat.id), nextAt - now()),
      )
    return chat
  }
  /** Reads a chat that another tab has changed, and calls the listener. */
  const reload = async (id: string) => {
    const record = await store.read(id).catch(fail)
    if (!record) return
    if (isRemoval(record)) applyRemoval(record)
    else notify(id, toShown(record))
  }

  const write = async (save: Pending) => {
    const { chat, removedAt } = save
    try {
      const record = await store.write(chat, removedAt)
      if (pending.get(chat.id) === save) pending.delete(chat.id)
      if (isRemoval(record)) return applyRemoval(record)
      unsavedChats.markStored(chat)
      post([chat.id])
    } catch (error) {
      save.hasFailed = true
      fail(error)
    }
  }
  const writeAll = async () => {
    for (;;) {
      const saves = [...pending.values()].filter(({ hasFailed }) => !hasFailed)
      if (saves.length === 0) break
      await Promise.all(saves.map(write))
    }
    writing = undefined
    if (pending.size === 0) problem.value = undefined
  }
  const startWriting = async () => {
    for (const save of pending.values()) save.hasFailed = false
    if (pending.size > 0) await (writing ??= writeAll())
  }
  const save = (chat: Chat, removedAt: number | undefined) => {
    pending.set(chat.id, { chat, removedAt, hasFailed: false })
    void startWriting()
  }
  for (const chat of unsavedChats.found) save(chat, undefined)

  return {
    problem,
    onChange: (listener) => void (notify = listener),
    async all() {
      const chats = new Map<string, Chat>()
      for (const record of (await store.readAll().catch(fail)) ?? []) {
        if (isRemoval(record)) removals.set(record.id, record.removedAt)
        else chats.set(record.id, toShown(record))
      }
      const before = now() - removalsMs
      if ([...removals.values()].some((time) => time < before)) void store.forget(before).catch(fail)
      for (const { chat } of pending.values()) {
        const stored = chats.get(chat.id)
        chats.set(chat.id, stored ? mergeChats(chat, stored) : chat)
      }
      return [...chats.values()]
    },
    save: (chat) => save(chat, removals.get(chat.id)),
    flush: startWriting,
    leave: () => unsavedChats.write([...pending.values()]),
    async remove(id) {
      const removal = { id, removedAt: now() }
      removals.set(id, removal.removedAt)
      pending.delete(id)
      await store.remove(removal).then(() => post([id]), fail)
    },
    async removeAll() {
      const removedAt = now()
      pending.clear()
      const ids = (await store.removeAll(removedAt).catch(fail)) ?? []
      for (const id of ids) removals.set(id, removedAt)
      post(ids)
    },
  }
}

/**
 * Opens the channel that tells other tabs which chats have changed. Returns `undefined` if the
 * browser does not support such channels, or denies them because it denies storage.
 */
function openChannel(onIds: (ids: readonly string[]) => void): BroadcastChannel | undefined {
  try {
    const channel = new BroadcastChannel('sluice-chats')
    channel.addEventListener('message', ({ data }: MessageEvent<readonly string[]>) => onIds(data))
    return channel
  } catch {
    return undefined
  }
}
