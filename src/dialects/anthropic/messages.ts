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

/** Stands between the blocks of a user, because each is a paragraph. */
const paragraph = '\n\n'

export function toMessages({ system, messages }: MessagesRequest, ignored: Ignored): OllamaMessage[] {
  const names = new Map<string, string>()
  const lastUser = toLastUser(messages)
  const place = { path: 'system', isLast: false, ignored }
  // An empty system prompt would replace the model's own.
  const first = system?.length ? [{ role: 'system', ...toContent(system, place, toPart, paragraph) }] : []
  return first.concat(
    messages.flatMap((message, i) => {
      const place = { path: `messages.${i}.content`, isLast: i === lastUser, ignored }
      return message.role === 'assistant' ? toAssistant(message, place, names) : toUserMessages(message, place, names)
    }),
  )
}

/** The assistant's texts are pieces of one text. `names` has the names of the called tools. */
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
    // Only Anthropic can read thinking that is redacted.
    else if (type !== 'redacted_thinking') message.content += toAssistantText(block, { ...place, path: `${place.path}.${i}` })
  }
  return message
}

/**
 * Calls that ran at Anthropic's servers are left out, because the text after them has the result.
 */
function toAssistantText(block: unknown, place: Place): string {
  const isServerTool = isObject(block) && /_tool_(?:use|result)$/.test(toText(block.type))
  if (!isServerTool) return toTextPart(block, place).text
  place.ignored.add(place.path)
  return ''
}

/** Results of tools become messages of their own, before the text of the same message. */
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
  // Ollama has no flag for an error, so the model reads it in the text.
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

/** A document of text becomes its text. Ollama cannot read documents of other kinds. */
function toDocument({ source, title }: Block, place: Place): OllamaPart {
  const { type, data, content } = isObject(source) ? source : {}
  const text = type === 'text' ? toText(data) : type === 'content' ? toContent(content, place, toTextPart).content : undefined
  if (text === undefined) return leaveOut('document', place)
  return { text: typeof title === 'string' ? `${title}\n${text}` : text }
}
