import { isObject } from '../../../exact-json.ts'
import {
  toArguments,
  toContent,
  toImage,
  toImageData,
  toLastUser,
  toText,
  toTextPart,
  leaveOut,
  type OllamaPart,
  type Place,
} from '../../history.ts'
import type { Ignored } from '../../ignored.ts'
import { refused } from '../../refusals.ts'
import { type OllamaMessage } from '../../to-ollama.ts'
import { toCustomArguments, toJoinedName } from '../tools.ts'
import type { ResponsesRequest } from './schema.ts'

type Item = Exclude<ResponsesRequest['input'], string>[number]

/**
 * Converts input items. The thinking, text and calls of one turn become a single message, as in
 * Ollama.
 */
export function toMessages(input: ResponsesRequest['input'], ignored: Ignored): OllamaMessage[] {
  if (typeof input === 'string') return [{ role: 'user', content: input }]
  const messages: OllamaMessage[] = []
  /** The name of each called tool, by the id of its call. */
  const names = new Map<string, string>()
  const lastUser = toLastUser(input)
  for (const [i, item] of input.entries())
    addItem(messages, item, { path: `input.${i}`, isLast: i === lastUser, ignored }, names)
  return messages
}

function addItem(messages: OllamaMessage[], item: Item, place: Place, names: Map<string, string>) {
  const last = messages.at(-1)
  const type = item.type ?? ('role' in item ? 'message' : undefined)
  const called = toPastCall(item)
  if (type === 'item_reference') throw refused(place.path, 'stored')
  if (type === 'message') {
    const role = item.role === 'developer' ? 'system' : toText(item.role) || 'user'
    const content = toContent(item.content, { ...place, path: `${place.path}.content` }, toPart)
    if (role === 'assistant' && last && isThinkingAlone(last)) Object.assign(last, content)
    else messages.push({ role, ...content })
  } else if (type === 'reasoning') {
    const thinking = [...toTexts(item.summary), ...toTexts(item.content)].join('\n')
    if (thinking !== '') messages.push({ role: 'assistant', content: '', thinking })
  } else if (called) {
    const id = toText(item.call_id)
    names.set(id, called.name)
    const call = { id, function: called }
    if (last?.role === 'assistant') (last.tool_calls ??= []).push(call)
    else messages.push({ role: 'assistant', content: '', tool_calls: [call] })
  } else if (typeof type === 'string' && type.endsWith('_output')) {
    const id = toText(item.call_id)
    const name = names.get(id)
    const content = toContent(toOutput(item), { ...place, path: `${place.path}.output` }, toPart)
    messages.push({ role: 'tool', ...content, ...(name !== undefined && { tool_name: name }), tool_call_id: id })
  } else if (type !== 'additional_tools') {
    // The item is a call that OpenAI's servers ran, such as a web search. It is left out, because
    // the text after the call already includes the result.
    place.ignored.add(place.path)
  }
}

interface PastCall {
  readonly name: string
  readonly arguments: object
}

/**
 * If the item is a tool call that the client ran, returns it as a function call. Otherwise returns
 * undefined.
 */
function toPastCall({ type, call_id: id, namespace, name, ...item }: Item): PastCall | undefined {
  if (type === 'function_call' || type === 'custom_tool_call') {
    const given = type === 'function_call' ? toArguments(item.arguments) : toCustomArguments(item.input)
    return { name: toJoinedName(namespace, toText(name)), arguments: given }
  }
  // Tools that OpenAI defines have their own types of calls, such as `local_shell_call`. A call
  // without a `call_id` ran on OpenAI's servers.
  if (typeof type !== 'string' || !type.endsWith('_call') || typeof id !== 'string') return undefined
  return { name: type.slice(0, -'_call'.length), arguments: toArguments(item.arguments ?? item.action) }
}

/**
 * The result of a tool call. For a tool search, it is only the names of the found tools, because
 * the tools themselves are offered in `tools`.
 */
function toOutput({ output, tools }: Item): unknown {
  if (output !== undefined || !Array.isArray(tools)) return output
  const names = tools.flatMap((tool) => toNames(tool))
  return names.length > 0 ? `Found: ${names.join(', ')}` : 'Found nothing'
}

/**
 * Returns the name by which the model can call a found tool. For a found namespace, returns the
 * names of all its tools.
 */
function toNames(tool: unknown, namespace?: unknown): string[] {
  if (!isObject(tool)) return []
  if (tool.type === 'namespace' && Array.isArray(tool.tools)) return tool.tools.flatMap((inner) => toNames(inner, tool.name))
  return [toJoinedName(namespace, toText(tool.name))]
}

function toTexts(parts: unknown): string[] {
  return (Array.isArray(parts) ? parts : []).flatMap((part) => (isObject(part) ? [toText(part.text)] : []))
}

/** Whether a message of the assistant has thinking, but no text and no call yet. */
function isThinkingAlone({ role, content, tool_calls: calls }: OllamaMessage): boolean {
  return role === 'assistant' && content === '' && !calls
}

function toPart(part: unknown, place: Place): OllamaPart {
  if (!isObject(part) || part.type !== 'input_image') return toTextPart(part, place)
  const path = `${place.path}.${part.file_id ? 'file_id' : 'image_url'}`
  if (!part.file_id) return toImage(toImageData(part.image_url), { ...place, path })
  if (place.isLast) throw refused(path, 'stored')
  return leaveOut('image', { ...place, path })
}
