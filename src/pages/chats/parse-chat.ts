import type { Chat, ChatSettings, End, Message, ToolCall, Usage } from './chat.ts'

type Fields = Readonly<Record<string, unknown>>

/** A chat of a file or of the history, which may be of anybody's making or of another version: only what we know of it. Undefined: it is none. */
export function parseChat(value: unknown): Chat | undefined {
  if (!isFields(value)) return undefined
  const { id, title, createdAt, updatedAt, settings, messages, chosen } = value
  if (!isId(id) || !isTime(createdAt) || !isTime(updatedAt) || !isFields(messages)) return undefined
  const known = Object.values(messages).flatMap((message) => parseMessage(message) ?? [])
  const ids = new Set(known.map(({ id }) => id))
  if (ids.size === 0) return undefined
  return {
    id,
    title: toText(title).slice(0, 1000),
    createdAt,
    updatedAt,
    settings: parseSettings(isFields(settings) ? settings : {}),
    // What follows a message that is not there would never be seen.
    messages: Object.fromEntries(
      known.map((message) => [message.id, ids.has(message.parent) ? message : { ...message, parent: '' }]),
    ),
    chosen: Object.fromEntries(
      Object.entries(isFields(chosen) ? chosen : {}).filter(
        (entry): entry is [string, string] => (entry[0] === '' || ids.has(entry[0])) && ids.has(entry[1] as string),
      ),
    ),
  }
}

function parseMessage(value: unknown): Message | undefined {
  if (!isFields(value)) return undefined
  const { id, parent, createdAt, updatedAt, role, text, images, model, thinking, thinkingMs, toolCalls, end, usage } = value
  if (!isId(id) || !isTime(createdAt) || !isTime(updatedAt)) return undefined
  if ((role !== 'user' && role !== 'assistant') || typeof text !== 'string') return undefined
  return {
    id,
    parent: isId(parent) ? parent : '',
    createdAt,
    updatedAt,
    role,
    text,
    ...(Array.isArray(images) && { images: images.filter(isImage) }),
    ...(typeof model === 'string' && { model }),
    ...(typeof thinking === 'string' && { thinking }),
    ...(isNumber(thinkingMs) && { thinkingMs }),
    ...(Array.isArray(toolCalls) && { toolCalls: toolCalls.filter(isToolCall) }),
    ...(isFields(end) && { end: parseEnd(end) }),
    ...(isFields(usage) && isNumber(usage.tokens) && { usage: parseUsage(usage, usage.tokens) }),
  }
}

function parseSettings({ model, system, think, keepAlive, ...rest }: Fields): ChatSettings {
  const numbers = ['temperature', 'numCtx', 'numPredict', 'seed'].filter((name) => isNumber(rest[name]))
  return {
    ...(typeof model === 'string' && { model }),
    ...(typeof system === 'string' && { system }),
    ...(typeof think === 'boolean' && { think }),
    ...(typeof keepAlive === 'string' && { keepAlive }),
    ...Object.fromEntries(numbers.map((name) => [name, rest[name]])),
  }
}

function parseEnd({ how, isFreed, code, text, requestId, retryAfterSeconds }: Fields): End {
  if (how === 'done' || how === 'length') return { how }
  if (how === 'stopped') return { how, isFreed: isFreed === true }
  if (how !== 'failed') return { how: 'interrupted' }
  return {
    how,
    code: toText(code),
    text: toText(text),
    ...(typeof requestId === 'string' && { requestId }),
    ...(isNumber(retryAfterSeconds) && { retryAfterSeconds }),
  }
}

function parseUsage({ promptTokens, firstTokenMs, tokensPerSecond }: Fields, tokens: number): Usage {
  return {
    tokens,
    ...(isNumber(promptTokens) && { promptTokens }),
    ...(isNumber(firstTokenMs) && { firstTokenMs }),
    ...(isNumber(tokensPerSecond) && { tokensPerSecond }),
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Names of what every object has are no ids: they are found where there is nothing. */
function isId(value: unknown): value is string {
  return typeof value === 'string' && /^[\w-]{1,64}$/.test(value) && !(value in {})
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

/** Of this page's time, or the chat would be the newest for ever. */
function isTime(value: unknown): value is number {
  return isNumber(value) && value >= 0 && value < Date.now() + 86_400_000
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** JPEG, PNG, GIF or WebP in base64. */
function isImage(value: unknown): value is string {
  return typeof value === 'string' && /^(?:\/9j\/|iVBORw0KGgo|R0lGOD|UklGR)[\w+/]*={0,2}$/.test(value)
}

function isToolCall(value: unknown): value is ToolCall {
  return isFields(value) && typeof value.name === 'string' && isFields(value.arguments)
}
