import { signal } from '@preact/signals'
import type { Chat } from '#page/chats/chat.ts'
import type { ChatHistory } from '#page/state/library.ts'

/** A history in memory that can simulate another tab. */
export interface MemoryHistory extends ChatHistory {
  readonly kept: Map<string, Chat>
  /** Every chat that was saved, in order. */
  readonly saves: Chat[]
  /** The chats that the history contained when the page was closed. */
  readonly left: Chat[]
  fromOtherTab(id: string, chat: Chat | undefined): void
}

export function createMemoryHistory(chats: readonly Chat[] = []): MemoryHistory {
  const kept = new Map(chats.map((chat) => [chat.id, chat]))
  const saves: Chat[] = []
  const left: Chat[] = []
  let tell: (id: string, chat: Chat | undefined) => void = () => {}
  return {
    kept,
    saves,
    left,
    problem: signal(undefined),
    all: () => Promise.resolve([...kept.values()]),
    save(chat) {
      saves.push(chat)
      kept.set(chat.id, chat)
    },
    flush: () => Promise.resolve(),
    leave: () => void left.push(...kept.values()),
    remove: async (id) => void kept.delete(id),
    removeAll: async () => kept.clear(),
    onChange: (listener) => void (tell = listener),
    fromOtherTab: (id, chat) => tell(id, chat),
  }
}
