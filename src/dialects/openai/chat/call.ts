import { isObject } from '../../../exact-json.ts'
import type { GenerationCall } from '../../../generation.ts'
import {
  toArguments,
  toContent,
  toImage,
  toImageData,
  toLastUser,
  toText,
  toTextPart,
  type OllamaPart,
  type Place,
} from '../../history.ts'
import type { Ignored } from '../../ignored.ts'
import { present, type OllamaMessage } from '../../to-ollama.ts'
import { toOffered } from '../../tool-choice.ts'
import { toFormat } from '../format.ts'
import { toSampling, toThinkWish } from '../sampling.ts'
import { createTools, toChoice, toCustomArguments, type Tools } from '../tools.ts'
import type { ChatRequest, Message } from './schema.ts'

export interface ChatCall {
  readonly call: GenerationCall
  readonly origins: Tools['origins']
  /** Whether an answer without a tool call is a failure. */
  readonly isDemanded: boolean
}

/**
 * Converts OpenAI's chat request into a chat request for Ollama.
 * @throws ServiceError `invalid_request`, `not_supported`
 */
export function toChatCall(request: ChatRequest, ignored: Ignored): ChatCall {
  const { messages, tool_choice, response_format: format, logprobs, top_logprobs, stream } = request
  const { offered, origins } = toTools(request.tools ?? [], ignored)
  const choice = toChoice(tool_choice, ignored)
  const body = {
    messages: toMessages(messages, ignored),
    tools: toOffered(offered, choice, { path: 'tool_choice', isStream: stream === true }),
    format: toFormat(format?.type, format?.type === 'json_schema' ? format.json_schema.schema : undefined),
    logprobs,
    top_logprobs,
    ...toSampling(request),
  }
  const call = { endpoint: 'chat', model: request.model ?? undefined, body: present(body), ...toThinkWish(request) } as const
  return { call, origins, isDemanded: choice.isDemanded }
}

function toTools(requestTools: readonly unknown[], ignored: Ignored): Tools {
  const collection = createTools(ignored)
  for (const [i, tool] of requestTools.entries()) {
    const { type, function: fn, custom } = isObject(tool) ? tool : {}
    if (type === 'custom' && isObject(custom)) collection.custom(custom, `tools.${i}`)
    else if (isObject(fn)) collection.function(fn, `tools.${i}`)
    else ignored.add(`tools.${i}`)
  }
  return collection.tools
}

function toMessages(messages: readonly Message[], ignored: Ignored) {
  /** The name of each called tool, by the id of its call. */
  const names = new Map<unknown, string>()
  const lastUser = toLastUser(messages)
  return messages.map((message, i) => toMessage(message, { path: `messages.${i}`, isLast: i === lastUser, ignored }, names))
}

function toMessage(message: Message, place: Place, names: Map<unknown, string>): object {
  const { role, name, tool_call_id: id, reasoning_content, reasoning, audio } = message
  if (audio) place.ignored.add(`${place.path}.audio`)
  const calls = toCalls(message)
  for (const call of calls) names.set(call.id, call.function.name)
  const isResult = role === 'tool' || role === 'function'
  return present({
    role: role === 'developer' ? 'system' : isResult ? 'tool' : role,
    ...toContent(message.content ?? message.refusal, { ...place, path: `${place.path}.content` }, toPart),
    thinking: toFilled(reasoning_content) ?? toFilled(reasoning),
    tool_calls: calls.length > 0 ? calls : undefined,
    ...(isResult && { tool_name: names.get(id) ?? toFilled(name), tool_call_id: toFilled(id) }),
  } satisfies Partial<Record<keyof OllamaMessage, unknown>>)
}

/** Returns the value if it is a text that is not empty. */
function toFilled(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

interface Call {
  readonly id?: string
  readonly function: { readonly name: string; readonly arguments: object }
}

/**
 * The tool calls of a message. `function_call` is the old form: before `tool_calls` existed, a
 * message could have only one call.
 */
function toCalls({ tool_calls, function_call }: Message): Call[] {
  const calls = [...(Array.isArray(tool_calls) ? tool_calls : []), ...(function_call ? [{ function: function_call }] : [])]
  return calls.flatMap((call): Call[] => {
    if (!isObject(call)) return []
    const { id, function: fn, custom } = call
    const isCustom = isObject(custom)
    const { name, arguments: input } = isObject(fn) ? fn : {}
    const called = isCustom
      ? { name: toText(custom.name), arguments: toCustomArguments(custom.input) }
      : { name: toText(name), arguments: toArguments(input) }
    return [{ ...(typeof id === 'string' && id && { id }), function: called }]
  })
}

function toPart(part: unknown, place: Place): OllamaPart {
  const { type, image_url: image } = isObject(part) ? part : {}
  if (type !== 'image_url') return toTextPart(part, place)
  return toImage(toImageData(isObject(image) ? image.url : image), { ...place, path: `${place.path}.image_url` })
}
