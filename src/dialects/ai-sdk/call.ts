import * as v from 'valibot'
import { isObject } from '../../exact-json.ts'
import type { GenerationCall } from '../../generation.ts'
import {
  leaveOut,
  toArguments,
  toContent,
  toImage,
  toImageData,
  toLastUser,
  toText,
  toTextPart,
  type Place,
} from '../history.ts'
import type { Ignored } from '../ignored.ts'
import { invalidRequest } from '../issues.ts'
import { present, toOptions, tool, type OllamaMessage } from '../to-ollama.ts'
import type { UiChatRequest, UiMessage } from './schema.ts'

/**
 * Converts a request of `useChat` into a chat request for Ollama.
 * @throws ServiceError `not_supported` or `invalid_request` for a bad image in the last message of
 * the user, `invalid_request` if all messages are empty
 */
export function toCall(
  { messages: uiMessages, model, system, tools, options, ...rest }: UiChatRequest,
  ignored: Ignored,
): GenerationCall {
  const lastUser = toLastUser(uiMessages)
  const messages = uiMessages.flatMap((message, i) =>
    toMessages(message, { path: `messages.${i}`, isLast: i === lastUser, ignored }),
  )
  // Without messages Ollama would only load the model and not answer (docs/ollama.md#1-stream).
  if (messages.every(isEmpty)) throw invalidRequest('messages', 'Expected a message that says something')
  const all = system ? [{ role: 'system', content: system }, ...messages] : messages
  const offered = toOffered(tools ?? [], ignored)
  const body = present({
    ...rest,
    options: toOptions(options, ignored),
    messages: all,
    tools: offered.length > 0 ? offered : undefined,
  })
  return { endpoint: 'chat', model: model ?? undefined, body, thinkWish: 'think' }
}

/** Returns the tools that have Ollama's format. All others are left out. */
function toOffered(tools: readonly unknown[], ignored: Ignored): unknown[] {
  return tools.filter((offered, i) => {
    const isTool = v.is(tool, offered)
    if (!isTool) ignored.add(`tools.${i}`)
    return isTool
  })
}

/** Whether a message has an empty text and nothing else except its role. */
function isEmpty(message: OllamaMessage): boolean {
  return message.content === '' && Object.keys(message).length === 2
}

type Part = Readonly<Record<string, unknown>>

interface PlacedPart {
  readonly part: Part
  readonly place: Place
}

/**
 * Converts one UI message into Ollama's messages, as the SDK's `convertToModelMessages` does. Each
 * step of the assistant becomes a message, followed by the results of its tool calls. An empty step
 * is left out.
 */
function toMessages({ role, parts, content }: UiMessage, place: Place): OllamaMessage[] {
  // In earlier versions of the SDK, a message had `content` and no `parts`.
  if (!Array.isArray(parts)) return [{ role, ...toContent(content, { ...place, path: `${place.path}.content` }, toTextPart) }]
  const steps: PlacedPart[][] = [[]]
  for (const [i, part] of parts.entries()) {
    if (!isObject(part)) place.ignored.add(`${place.path}.parts.${i}`)
    else if (part.type === 'step-start') steps.push([])
    else steps.at(-1)?.push({ part, place: { ...place, path: `${place.path}.parts.${i}` } })
  }
  return role === 'assistant' ? steps.flatMap((step) => toTurn(role, step)) : toTurn(role, steps.flat())
}

/** Parts of the types `source-…` and `data-…` are for the web page, not for the model. */
const isForPage = (type: string) => /^(?:source|data)-/.test(type)
const isTool = (type: string) => type === 'dynamic-tool' || type.startsWith('tool-')

function toTurn(role: string, step: readonly PlacedPart[]): OllamaMessage[] {
  let [content, thinking] = ['', '']
  const images: string[] = []
  const calls: object[] = []
  const results: OllamaMessage[] = []
  for (const { part, place } of step) {
    const type = toText(part.type)
    if (type === 'reasoning') thinking += toText(part.text)
    else if (isTool(type)) {
      // The input of this call is incomplete, so the call is left out.
      if (part.state === 'input-streaming') continue
      const name = type === 'dynamic-tool' ? toText(part.toolName) : type.slice('tool-'.length)
      const id = toText(part.toolCallId)
      calls.push({ id, function: { name, arguments: toArguments(part.input ?? part.rawInput) } })
      const result = toResult(part)
      if (result !== undefined) results.push({ role: 'tool', content: result, tool_name: name, tool_call_id: id })
    } else if (!isForPage(type)) {
      const converted = type === 'file' ? toFile(part, place) : toTextPart(part, place)
      if ('image' in converted) images.push(converted.image)
      else content += converted.text
    }
  }
  if (role === 'assistant' && !content && !thinking && images.length === 0 && calls.length === 0) return []
  const message = {
    role,
    content,
    ...(thinking && { thinking }),
    ...(images.length > 0 && { images }),
    ...(calls.length > 0 && { tool_calls: calls }),
  }
  return [message, ...results]
}

function toFile({ mediaType, url }: Part, place: Place) {
  // The SDK also has a media type `image` without a subtype.
  if (!/^image(?:\/|$)/i.test(toText(mediaType))) return leaveOut('file', place)
  return toImage(toImageData(url), { ...place, path: `${place.path}.url` })
}

/**
 * The result of a tool call, or the reason why the user denied the call. It is undefined if the
 * call has neither.
 */
function toResult({ state, output, errorText, approval }: Part): string | undefined {
  if (state === 'output-available') return typeof output === 'string' ? output : JSON.stringify(output ?? null)
  if (state === 'output-error') return toText(errorText)
  const { approved, reason } = isObject(approval) ? approval : {}
  if (state === 'output-denied' || approved === false) return toText(reason) || 'Tool call execution denied.'
  return undefined
}
