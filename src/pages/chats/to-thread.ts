import type { ThreadItem } from '../state/page-state.ts'
import type { Chat, Message } from './chat.ts'

/** The messages from the first down the chosen branches, each with its place among its siblings. */
export function toThread({ messages, chosen }: Chat): ThreadItem[] {
  const children = toChildren(Object.values(messages))
  const thread: ThreadItem[] = []
  for (let parent = '', siblings; (siblings = children.get(parent));) {
    const wanted = Object.hasOwn(chosen, parent) ? chosen[parent] : undefined
    const at = siblings.findIndex(({ id }) => id === wanted)
    const message = siblings.at(at)! // without a choice the newest, at -1
    thread.push({ message, index: siblings.indexOf(message) + 1, count: siblings.length })
    parent = message.id
  }
  return thread
}

/** The message that is shown instead, a step before (-1) or after (1) it among its siblings. */
export function toSibling({ messages }: Chat, { id, parent }: Message, step: -1 | 1): Message | undefined {
  const siblings = toChildren(Object.values(messages)).get(parent) ?? []
  return siblings[siblings.findIndex((sibling) => sibling.id === id) + step]
}

/** By the id of what they follow, oldest first. */
function toChildren(messages: readonly Message[]): Map<string, Message[]> {
  const ordered = messages.toSorted((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
  return Map.groupBy(ordered, ({ parent }) => parent)
}
