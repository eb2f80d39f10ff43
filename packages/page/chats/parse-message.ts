import type { End, Message, ToolCall, Usage } from './chat.ts'
import { isRecord, toAmount, toBoolean, toId, toText, toTime } from './fields.ts'
import { withoutUndefined } from './without-undefined.ts'

/**
 * Parses a message and drops its invalid parts. Returns `undefined` if it has no id, parent, times,
 * role or text.
 */
export function parseMessage(value: unknown, now: number): Message | undefined {
  if (!isRecord(value)) return undefined
  const { role } = value
  const id = toId(value.id)
  const parent = value.parent === '' ? '' : toId(value.parent)
  const createdAt = toTime(value.createdAt, now)
  const updatedAt = toTime(value.updatedAt, now)
  const text = toText(value.text)
  if (id === undefined || parent === undefined || createdAt === undefined || updatedAt === undefined || text === undefined)
    return
  const common = { id, parent, createdAt, updatedAt, text, images: toList(value.images, toImage) }
  if (role === 'user') return withoutUndefined({ ...common, role })
  if (role !== 'assistant') return undefined
  return withoutUndefined({
    ...common,
    role,
    model: toText(value.model, 256),
    thinking: toText(value.thinking),
    thinkingMs: toAmount(value.thinkingMs),
    toolCalls: toList(value.toolCalls, toToolCall),
    acceptedAt: toTime(value.acceptedAt, now),
    end: toEnd(value.end),
    usage: toUsage(value.usage),
  })
}

function toList<T>(value: unknown, toItem: (item: unknown) => T | undefined): T[] | undefined {
  const list = Array.isArray(value) ? value.flatMap((item: unknown) => toItem(item) ?? []) : []
  return list.length > 0 ? list : undefined
}

/**
 * Returns the value if it is base64 that begins like a JPEG, PNG, GIF or WebP. SVG is not allowed,
 * because an SVG may contain scripts and addresses.
 */
function toImage(value: unknown): string | undefined {
  const text = toText(value)
  if (text === undefined || text.length % 4 > 0) return undefined
  return /^(?:\/9j\/|iVBORw0KGgo|R0lGOD[dl]h|UklGR[\w+/]{6}XRUJQ)[A-Za-z0-9+/]*={0,2}$/.test(text) ? text : undefined
}

function toToolCall(value: unknown): ToolCall | undefined {
  if (!isRecord(value) || !isRecord(value.arguments) || !isShallow(value.arguments, 32)) return undefined
  const name = toText(value.name, 256)
  return name === undefined ? undefined : { name, arguments: value.arguments }
}

/**
 * Whether a value is nested at most `depth` deep. Serializing a deeper value may overflow the
 * stack.
 */
function isShallow(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return depth > 0 && Object.values(value).every((child) => isShallow(child, depth - 1))
}

/**
 * A missing end becomes `interrupted`, because no tab continues an answer that comes from a file.
 */
function toEnd(value: unknown): End {
  const how = isRecord(value) ? value.how : undefined
  if (!isRecord(value) || how === undefined) return { how: 'interrupted' }
  if (how === 'done' || how === 'length') return { how }
  if (how === 'stopped') return { how, isFreed: toBoolean(value.isFreed) ?? false }
  if (how !== 'failed') return withoutUndefined({ how: 'interrupted', why: toWhy(value.why) })
  return withoutUndefined({
    how,
    code: toText(value.code, 64) ?? 'internal',
    text: toText(value.text, 2000) ?? '',
    requestId: toText(value.requestId, 128),
    retryAfterSeconds: toAmount(value.retryAfterSeconds),
  })
}

function toWhy(value: unknown): 'abandoned' | 'lost' | undefined {
  return value === 'abandoned' || value === 'lost' ? value : undefined
}

function toUsage(value: unknown): Usage | undefined {
  if (!isRecord(value)) return undefined
  const tokens = toAmount(value.tokens)
  if (tokens === undefined) return undefined
  return withoutUndefined({
    tokens,
    promptTokens: toAmount(value.promptTokens),
    firstTokenMs: toAmount(value.firstTokenMs),
    tokensPerSecond: toAmount(value.tokensPerSecond),
  })
}
