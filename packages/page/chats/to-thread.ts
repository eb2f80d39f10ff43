import type { Chat, Message } from './chat.ts'

/** A message and its place among its siblings: `index` of `count`, counted from 1. */
export interface ThreadItem {
  readonly message: Message
  readonly index: number
  readonly count: number
}

/**
 * Returns the messages along the chosen branches, from the first message on. Each has its place
 * among its siblings. No message comes twice, so a thread always ends.
 */
export function toThread({ messages, chosen }: Chat): ThreadItem[] {
  const children = toChildren(messages)
  const thread = new Map<string, ThreadItem>()
  for (let parent = '', branches; (branches = children.get(parent));) {
    const wanted = Object.hasOwn(chosen, parent) ? chosen[parent] : undefined
    const found = branches.findIndex(({ id }) => id === wanted)
    const message = branches.at(found)! // without a choice, index -1 selects the newest branch
    if (thread.has(message.id)) break
    const index = found < 0 ? branches.length : found + 1
    thread.set(message.id, { message, index, count: branches.length })
    parent = message.id
  }
  return [...thread.values()]
}

/** Returns the sibling before (-1) or after (1) a message. */
export function toSibling({ messages }: Chat, messageId: string, step: -1 | 1): Message | undefined {
  const siblings = toChildren(messages).get(messages[messageId]?.parent ?? '') ?? []
  const index = siblings.findIndex(({ id }) => id === messageId)
  return index < 0 ? undefined : siblings[index + step]
}

/** Returns the children of each message by its id, oldest first. */
function toChildren(messages: Chat['messages']): Map<string, Message[]> {
  const children = new Map<string, Message[]>()
  for (const message of Object.values(messages).toSorted((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))) {
    const siblings = children.get(message.parent)
    if (siblings) siblings.push(message)
    else children.set(message.parent, [message])
  }
  return children
}
