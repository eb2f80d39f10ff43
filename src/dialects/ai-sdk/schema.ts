import * as v from 'valibot'
import { parse } from '../issues.ts'
import { anyObject, boolean, common, string, tool as offeredTool } from '../to-ollama.ts'

/** A part of a message, reduced to what a model needs of it. */
export type Part = v.InferOutput<ReturnType<typeof toPartSchema>>

const text = v.pipe(
  v.object({ text: v.string() }),
  v.transform((part) => ({ kind: 'text' as const, text: part.text })),
)

const reasoning = v.pipe(
  v.object({ text: v.string() }),
  v.transform((part) => ({ kind: 'reasoning' as const, text: part.text })),
)

const file = v.pipe(
  v.object({ mediaType: v.string(), url: v.string() }),
  v.transform((part) => ({ kind: 'file' as const, ...part })),
)

const step = v.pipe(
  v.unknown(),
  v.transform(() => ({ kind: 'step' as const })),
)

/** Sources, data and an unfinished tool call concern the page and not the model. */
const ignored = v.pipe(
  v.unknown(),
  v.transform(() => ({ kind: 'ignored' as const })),
)

const unknown = v.pipe(
  v.object({ type: v.string() }),
  v.transform(() => ({ kind: 'unknown' as const })),
)

const call = {
  toolCallId: v.string(),
  state: v.picklist(
    ['input-available', 'approval-requested', 'approval-responded', 'output-available', 'output-error', 'output-denied'],
    'Expected a state of a tool part',
  ),
  input: v.nullish(anyObject),
  output: v.optional(v.unknown()),
  errorText: string,
  approval: v.nullish(v.object({ approved: boolean, reason: string })),
}

const tool = v.pipe(
  v.object({ ...call, type: v.string() }),
  v.transform(({ type, ...part }) => ({ kind: 'tool' as const, ...part, toolName: type.slice('tool-'.length) })),
)

const dynamicTool = v.pipe(
  v.object({ ...call, toolName: v.string() }),
  v.transform((part) => ({ kind: 'tool' as const, ...part })),
)

function toPartSchema(part: unknown) {
  const { type, state } = (part ?? {}) as { type?: unknown; state?: unknown }
  if (typeof type !== 'string') return unknown
  if (type === 'text') return text
  if (type === 'reasoning') return reasoning
  if (type === 'file') return file
  if (type === 'step-start') return step
  if (/^(?:source|data)-/.test(type)) return ignored
  if (type !== 'dynamic-tool' && !type.startsWith('tool-')) return unknown
  if (state === 'input-streaming') return ignored
  return type === 'dynamic-tool' ? dynamicTool : tool
}

const uiChatRequest = v.object({
  messages: v.pipe(
    v.array(
      v.object({
        role: v.picklist(['system', 'user', 'assistant'], 'Expected "system", "user" or "assistant"'),
        parts: v.array(v.lazy(toPartSchema)),
      }),
    ),
    v.minLength(1, 'Expected at least one message'),
  ),
  model: common.model,
  system: string,
  tools: v.nullish(v.array(offeredTool)),
  think: common.think,
  format: common.format,
  options: common.options,
  keep_alive: common.keep_alive,
})

export type UiChatRequest = v.InferOutput<typeof uiChatRequest>
export type UiMessage = UiChatRequest['messages'][number]

/**
 * The body that `DefaultChatTransport` posts, with the fields that a page may add to it. Other fields are dropped
 * (docs/compatibility.md).
 * @throws ServiceError `invalid_request`
 */
export function parseUiChatRequest(body: Readonly<Record<string, unknown>>): UiChatRequest {
  return parse(uiChatRequest, body)
}
