import { AbstractChat, type ChatInit, type ChatState, type ChatStatus, type UIMessage } from 'ai'

/**
 * The AI SDK's chat without a UI framework. It keeps its state in memory. `useChat` for React, Vue
 * and Svelte extends the same class, `AbstractChat`.
 */
export class MemoryChat extends AbstractChat<UIMessage> {
  /** Every status that the chat has had. */
  readonly statuses: readonly ChatStatus[]

  constructor(init: ChatInit<UIMessage>) {
    const statuses: ChatStatus[] = []
    super({ ...init, state: createState(init.messages ?? [], statuses) })
    this.statuses = statuses
  }

  /** The text of the last message, which may still be incomplete. */
  get text(): string {
    return this.lastMessage?.parts.map((part) => (part.type === 'text' ? part.text : '')).join('') ?? ''
  }
}

function createState(messages: UIMessage[], statuses: ChatStatus[]): ChatState<UIMessage> {
  let status: ChatStatus = 'ready'
  const snapshot = <T>(thing: T): T => structuredClone(thing)
  return {
    get status() {
      return status
    },
    set status(next) {
      statuses.push(next)
      status = next
    },
    error: undefined,
    messages,
    pushMessage(message) {
      this.messages = [...this.messages, message]
    },
    popMessage() {
      this.messages = this.messages.slice(0, -1)
    },
    replaceMessage(index, message) {
      this.messages = this.messages.with(index, snapshot(message))
    },
    snapshot,
  }
}
