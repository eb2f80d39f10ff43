import type { ChatEvent } from './events.ts'
import type { Frame } from './frames.ts'

type Fields = Readonly<Record<string, unknown>>

/**
 * Turns a frame of `/chat`, or a line of Ollama's NDJSON, into events. One line may contain
 * thinking, text, tool calls and the end. Its events are returned in this order.
 */
export function toEvents(frame: Frame): ChatEvent[] {
  const { event, data } = frame
  if (event === 'messages') return toPiece('delta', data)
  if (event === 'thinking') return toPiece('thinking', data)
  const json = parseObject(data)
  if (json) {
    const status = toText(json['status'])
    if (event === 'status' && status !== undefined)
      return [{ type: 'status', status, elapsedMs: toNumber(json['elapsed_ms']) ?? 0 }]
    if (event === 'done') return [toDone(json)]
    if (event === 'failed' || event === 'message') {
      const message = toText(json['error'])
      if (message !== undefined) return [toFailed(message, json)]
      const events = event === 'message' && toLineEvents(json, frame)
      if (events) return events
    }
  }
  return [toUnknown(frame)]
}

/**
 * Turns a line of `/api/chat` or `/api/generate` into events. Returns `undefined` for any other
 * line.
 */
function toLineEvents(line: Fields, frame: Frame): ChatEvent[] | undefined {
  const message = isObject(line['message']) ? line['message'] : line
  const text = message['content'] ?? message['response']
  const { thinking, tool_calls: calls } = message
  const isDone = line['done'] === true
  if (text === undefined && thinking === undefined && calls === undefined && !isDone) return
  return [
    ...toPiece('thinking', thinking),
    ...toPiece('delta', text),
    ...(Array.isArray(calls) ? calls.map((call: unknown) => toToolCall(call) ?? toUnknown(frame)) : []),
    ...(isDone ? [toDone(line)] : []),
  ]
}

function toPiece(type: 'delta' | 'thinking', value: unknown): ChatEvent[] {
  const text = toText(value)
  return text ? [{ type, text }] : []
}

function toToolCall(call: unknown): ChatEvent | undefined {
  const called = isObject(call) && call['function']
  if (!isObject(called)) return
  const { arguments: given } = called
  const name = toText(called['name'])
  return name === undefined ? undefined : { type: 'tool_call', name, arguments: isObject(given) ? given : {} }
}

function toDone(line: Fields): ChatEvent {
  const tokens = toNumber(line['eval_count']) ?? 0 // Ollama omits the field if it is 0
  const nanoseconds = toNumber(line['eval_duration'])
  return {
    type: 'done',
    reason: toText(line['done_reason']) ?? 'stop',
    model: toText(line['model']),
    usage: { promptTokens: toNumber(line['prompt_eval_count']), tokens },
    tokensPerSecond: nanoseconds && tokens ? (tokens / nanoseconds) * 1e9 : undefined,
  }
}

function toFailed(message: string, { code, request_id: requestId }: Fields): ChatEvent {
  return {
    type: 'failed',
    message,
    // An error line from Ollama itself has no code.
    code: toText(code) ?? 'upstream_failed',
    requestId: toText(requestId),
  }
}

function toUnknown({ event, data }: Frame): ChatEvent {
  return { type: 'unknown', event, data }
}

/** Parses a JSON object. Returns `undefined` if the text is not a JSON object. */
export function parseObject(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {}
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Returns the value if it is a string. */
export function toText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function toNumber(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}
