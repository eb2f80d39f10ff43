import { isObject } from '../../exact-json.ts'
import {
  leaveOut,
  toArguments,
  toContent,
  toImage,
  toLastUser,
  toText,
  toTextPart,
  type OllamaPart,
  type Place,
} from '../history.ts'
import type { Ignored } from '../ignored.ts'
import { type OllamaMessage } from '../to-ollama.ts'
import type { Message, MessagesRequest } from './schema.ts'

type Block = Readonly<Record<string, unknown>>

/** Separates the text blocks of a user message, because each block is a paragraph. */
const paragraph = '\n\n'

export function toMessages({ system, messages }: MessagesRequest, ignored: Ignored): OllamaMessage[] {
  const names = new Map<string, string>()
  const lastUser = toLastUser(messages)
  const place = { path: 'system', isLast: false, ignored }
  // An empty system prompt is left out, because it would replace the default prompt of the model.
  const first = system?.length ? [{ role: 'system', ...toContent(system, place, toPart, paragraph) }] : []
  return first.concat(
    messages.flatMap((message, i) => {
      const place = { path: `messages.${i}.content`, isLast: i === lastUser, ignored }
      return message.role === 'assistant' ? toAssistant(message, place, names) : toUserMessages(message, place, names)
    }),
  )
}

/**
 * Joins the text blocks without a separator, because they are parts of one text. Adds the name of
 * each called tool to `names`. The key is the id of the call.
 */
function toAssistant({ content }: Message, place: Place, names: Map<string, string>): OllamaMessage {
  const message: OllamaMessage = { role: 'assistant', content: '' }
  if (!Array.isArray(content)) return { ...message, content: toText(content) }
  for (const [i, block] of content.entries()) {
    const { type, id, name, input, thinking } = isObject(block) ? block : {}
    if (type === 'tool_use') {
      const call = { id: toText(id), function: { name: toText(name), arguments: toArguments(input) } }
      names.set(call.id, call.function.name)
      message.tool_calls ??= []
      message.tool_calls.push(call)
    } else if (type === 'thinking') message.thinking = (message.thinking ?? '') + toText(thinking)
    // Redacted thinking is left out. It is encrypted, and only Anthropic can read it.
    else if (type !== 'redacted_thinking') message.content += toAssistantText(block, { ...place, path: `${place.path}.${i}` })
  }
  return message
}

/**
 * Returns the text of a block. Tool calls that Anthropic's servers ran, and the results of these
 * calls, are left out. The text of the later blocks already includes the results.
 */
function toAssistantText(block: unknown, place: Place): string {
  const isServerTool = isObject(block) && /_tool_(?:use|result)$/.test(toText(block.type))
  if (!isServerTool) return toTextPart(block, place).text
  place.ignored.add(place.path)
  return ''
}

/** Each tool result becomes a separate message. These messages come before the other content. */
function toUserMessages({ role, content }: Message, place: Place, names: ReadonlyMap<string, string>): OllamaMessage[] {
  if (!Array.isArray(content)) return [{ role, content: toText(content) }]
  const results = content.flatMap((block, i) => {
    if (!isResult(block)) return []
    return [toResult(block, { ...place, isLast: false, path: `${place.path}.${i}` }, names)]
  })
  const toContentPart = (block: unknown, place: Place) => (isResult(block) ? undefined : toPart(block, place))
  const isAllResults = results.length > 0 && results.length === content.length
  return isAllResults ? results : [...results, { role, ...toContent(content, place, toContentPart, paragraph) }]
}

function isResult(block: unknown): block is Block {
  return isObject(block) && block.type === 'tool_result'
}

function toResult(result: Block, place: Place, names: ReadonlyMap<string, string>): OllamaMessage {
  const { tool_use_id, content, is_error } = result
  const id = toText(tool_use_id)
  const name = names.get(id)
  const given = toContent(content, { ...place, path: `${place.path}.content` }, toPart, paragraph)
  // Ollama has no field for `is_error`, so the text tells the model about the error.
  if (is_error) given.content = `Error: ${given.content}`
  return { role: 'tool', ...given, ...(name !== undefined && { tool_name: name }), tool_call_id: id }
}

function toPart(block: unknown, place: Place): OllamaPart {
  if (!isObject(block)) return toTextPart(block, place)
  const { type, source, tool_name, title, content } = block
  if (type === 'image') return toSourceImage(source, { ...place, path: `${place.path}.source` })
  if (type === 'tool_reference') return { text: `Tool: ${toText(tool_name)}` }
  if (type === 'document') return toDocument(block, place)
  if (type === 'search_result' && Array.isArray(content))
    return {
      text: [
        toText(title),
        toText(source),
        toContent(content, { ...place, path: `${place.path}.content` }, toTextPart).content,
      ].join('\n'),
    }
  return toTextPart(block, place)
}

function toSourceImage(source: unknown, place: Place): OllamaPart {
  const { type, media_type, data } = isObject(source) ? source : {}
  const isInline = type === 'base64'
  return toImage(isInline ? { mediaType: toText(media_type), data: toText(data) } : undefined, place)
}

/** Converts a text document into text. Ollama cannot read other documents, so they are left out. */
function toDocument({ source, title }: Block, place: Place): OllamaPart {
  const { type, data, content } = isObject(source) ? source : {}
  const text = type === 'text' ? toText(data) : type === 'content' ? toContent(content, place, toTextPart).content : undefined
  if (text === undefined) return leaveOut('document', place)
  return { text: typeof title === 'string' ? `${title}\n${text}` : text }
}
