import { batch, computed, signal } from '@preact/signals'
import type { ReadonlySignal } from '@preact/signals'
import type { Chat } from '../chats/chat.ts'
import { createAddress } from './address.ts'
import { createId } from './create-id.ts'
import type { Host } from './host.ts'
import type { Library } from './library.ts'

/**
 * Which chat is open. A new chat is empty. When its first message is added, the chat is stored and
 * its id is written into the page's address.
 */
export interface OpenChat {
  readonly chat: ReadonlySignal<Chat>
  change(next: Chat): void
  open(id: string): Promise<void>
  create(): void
  /** Replaces the open chat by an empty chat, if the open chat has this id or no id is given. */
  close(id?: string): void
}

interface OpenChatOptions {
  readonly host: Host
  readonly library: Library
  readonly now: () => number
  /** Returns the settings of a new chat. */
  readonly toSettings: (before: Chat | undefined) => Chat['settings']
}

export function createOpenChat({ host, library, now, toSettings }: OpenChatOptions): OpenChat {
  const toEmpty = (before?: Chat): Chat => {
    const time = now()
    return {
      id: createId(),
      title: '',
      createdAt: time,
      updatedAt: time,
      settings: toSettings(before),
      messages: {},
      chosen: {},
    }
  }
  const draft = signal(toEmpty())
  const openId = signal(draft.peek().id)
  const chat = computed(() => library.all.value.get(openId.value) ?? draft.value)

  const empty = () =>
    batch(() => {
      draft.value = toEmpty(chat.peek())
      openId.value = draft.peek().id
    })
  /** Shows the chat, or an empty one if there is no such chat. Returns whether the chat exists. */
  const show = (id: string | undefined) => {
    const isKnown = id !== undefined && library.all.peek().has(id)
    if (isKnown) openId.value = id
    else empty()
    return isKnown
  }

  const follow = (id: string | undefined) => {
    if (!show(id)) address.write(undefined, false)
  }
  const address = createAddress(host, (id) => {
    // An id that is not among the chats may belong to a chat that has not been read yet. The
    // handler of `library.loaded` shows that chat later.
    if (!library.isReading.peek()) follow(id)
  })
  void library.loaded.then(() => {
    const id = address.read()
    // If the user sent a message before the chats were read, the address already names the chat of
    // that message. That chat stays open.
    if (id !== undefined && id !== openId.peek()) follow(id)
  })

  return {
    chat,
    change(next) {
      if (Object.keys(next.messages).length === 0) return void (draft.value = next)
      library.put(next)
      // If the open chat was removed meanwhile, the changed chat becomes the open one.
      openId.value = next.id
      address.write(next.id, false)
    },
    async open(id) {
      await library.loaded
      if (show(id)) address.write(id, true)
    },
    create() {
      empty()
      address.write(undefined, true)
    },
    close(id = openId.peek()) {
      if (id !== openId.peek()) return
      empty()
      address.write(undefined, false)
    },
  }
}
