import type { Chat, ChatSettings, Message } from './chat.ts'
import { isRecord, toBoolean, toId, toText, toTime } from './fields.ts'
import { isAllowed, isKeepAlive } from './limits.ts'
import type { NumberSetting } from './limits.ts'
import { parseMessage } from './parse-message.ts'
import { withoutUndefined } from './without-undefined.ts'

/**
 * Parses a chat and drops its invalid parts. Returns `undefined` if it has no id, no times or no
 * message.
 */
export function parseChat(value: unknown, now: number): Chat | undefined {
  if (!isRecord(value) || !isRecord(value.messages)) return undefined
  const id = toId(value.id)
  const createdAt = toTime(value.createdAt, now)
  const updatedAt = toTime(value.updatedAt, now)
  const messages = Object.values(value.messages).flatMap((message) => parseMessage(message, now) ?? [])
  if (id === undefined || createdAt === undefined || updatedAt === undefined || messages.length === 0) return undefined
  const ids = new Set(messages.map(({ id }) => id))
  // A message whose parent is missing would never be shown, so it becomes a first message.
  const toPlaced = (message: Message) => (ids.has(message.parent) ? message : { ...message, parent: '' })
  return {
    id,
    title: toText(value.title, 1000) ?? '',
    createdAt,
    updatedAt,
    settings: toSettings(value.settings),
    messages: Object.fromEntries(messages.map((message) => [message.id, toPlaced(message)])),
    chosen: toChosen(value.chosen, ids),
  }
}

function toSettings(value: unknown): ChatSettings {
  if (!isRecord(value)) return {}
  const toNumber = (name: NumberSetting) => {
    const number = value[name]
    return typeof number === 'number' && isAllowed(name, number) ? number : undefined
  }
  const keepAlive = toText(value.keepAlive)
  return withoutUndefined({
    model: toText(value.model, 256) || undefined,
    system: toText(value.system),
    think: toBoolean(value.think),
    temperature: toNumber('temperature'),
    numCtx: toNumber('numCtx'),
    numPredict: toNumber('numPredict'),
    seed: toNumber('seed'),
    keepAlive: keepAlive !== undefined && isKeepAlive(keepAlive) ? keepAlive : undefined,
  })
}

function toChosen(value: unknown, ids: ReadonlySet<string>): Chat['chosen'] {
  const entries = isRecord(value) ? Object.entries(value) : []
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => (entry[0] === '' || ids.has(entry[0])) && ids.has(entry[1] as string)),
  )
}
