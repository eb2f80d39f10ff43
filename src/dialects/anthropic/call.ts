import type { ServiceError } from '../../errors.ts'
import { invalidRequest } from '../invalid-request.ts'
import { notSupported } from '../not-supported.ts'
import type { OllamaMessage } from '../ollama-message.ts'
import type { Block, Content, MessagesRequest } from './request.ts'

/**
 * Anthropic's messages, and its system prompt, → Ollama's. Results of tools, which ride in the user's messages, become messages of their own,
 * before what the user says in the same one.
 * @throws ServiceError `not_supported` with the path of a block that Ollama cannot take, `invalid_request` for a result without its call
 */
export function toMessages({ system, messages }: MessagesRequest): OllamaMessage[] {
  // An empty one would take the place of the model's own.
  const first: OllamaMessage[] = system?.length ? [toSystem(system)] : []
  /** Which tool a call was of. */
  const called = new Map<string, string>()
  return first.concat(
    messages.flatMap((message, i) => {
      const path = `messages.${i}.content`
      if (message.role === 'system') return toSystem(message.content)
      return message.role === 'assistant' ? toAssistant(message.content, path, called) : toUser(message.content, path, called)
    }),
  )
}

function toSystem(content: Content<'system'>): OllamaMessage {
  return { role: 'system', ...toParts(toBlocks(content), '') }
}

/** Its blocks are parts of one text, as it was written; the user's are paragraphs. */
function toAssistant(content: Content<'assistant'>, path: string, called: Map<string, string>): OllamaMessage {
  const message: OllamaMessage = { role: 'assistant', content: '' }
  for (const [i, block] of toBlocks(content).entries()) {
    if (block.type === 'text') message.content += block.text
    else if (block.type === 'thinking') message.thinking = (message.thinking ?? '') + block.thinking
    else if (block.type === 'tool_use') {
      const { id, name, input } = block
      called.set(id, name)
      message.tool_calls ??= []
      message.tool_calls.push({ id, function: { name, arguments: input } })
    } else if (block.type !== 'redacted_thinking') throw refusedBlock(`${path}.${i}`)
  }
  return message
}

function toUser(content: Content<'user'>, path: string, called: ReadonlyMap<string, string>): OllamaMessage[] {
  const blocks = toBlocks(content)
  const results = blocks.flatMap((block, i) =>
    block.type === 'tool_result' ? toToolMessage(block, `${path}.${i}`, called) : [],
  )
  if (results.length > 0 && results.length === blocks.length) return results
  return [...results, { role: 'user', ...toParts(blocks, path) }]
}

type ToolResult = Extract<Block, { type: 'tool_result' }>

function toToolMessage(result: ToolResult, path: string, called: ReadonlyMap<string, string>): OllamaMessage {
  const name = called.get(result.tool_use_id)
  if (name === undefined) throw invalidRequest(`${path}.tool_use_id`, 'Expected the id of a tool_use of an earlier message')
  const parts = toParts(toBlocks(result.content ?? ''), `${path}.content`)
  // Ollama has no flag for it; the model reads it.
  if (result.is_error) parts.content = `Error: ${parts.content}`
  return { role: 'tool', ...parts, tool_name: name, tool_call_id: result.tool_use_id }
}

/** The texts as paragraphs, and the images beside them: in Ollama they have no place within a text. */
function toParts(blocks: readonly Block[], path: string): Pick<OllamaMessage, 'content' | 'images'> {
  const texts: string[] = []
  const images: string[] = []
  for (const [i, block] of blocks.entries()) {
    if (block.type === 'text') texts.push(block.text)
    else if (block.type === 'image') images.push(toImage(block, `${path}.${i}`))
    else if (block.type !== 'tool_result') throw refusedBlock(`${path}.${i}`)
  }
  return { content: texts.join('\n\n'), ...(images.length > 0 && { images }) }
}

function toImage({ source }: Extract<Block, { type: 'image' }>, path: string): string {
  if (source.type === 'base64') return source.data
  throw notSupported(`${path}.source.type`, 'send the image as base64; others are not fetched')
}

function toBlocks<TBlock>(content: string | readonly TBlock[]): readonly (TBlock | TextBlock)[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content
}

type TextBlock = Extract<Block, { type: 'text' }>

function refusedBlock(path: string): ServiceError {
  return notSupported(`${path}.type`, 'Ollama takes text, images, thinking, and calls and results of tools')
}
