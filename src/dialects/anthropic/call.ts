import type { ServiceError } from '../../errors.ts'
import type { GenerationCall } from '../../generation.ts'
import { invalidRequest, notSupported } from '../issues.ts'
import { present, toStop, toThink, type OllamaMessage } from '../to-ollama.ts'
import type { Block, Content, MessagesRequest } from './schema.ts'

/**
 * A request of Anthropic's as Ollama's chat.
 * @throws ServiceError `not_supported` with the name of a field or the path of a block that Ollama
 * cannot honour, `invalid_request` for the result of a tool that was not called
 */
export function toCall(request: MessagesRequest): GenerationCall {
  const body = {
    messages: toMessages(request),
    tools: toTools(request),
    format: (request.output_config?.format ?? request.output_format)?.schema,
    think: toThinking(request),
    options: toOptions(request),
  }
  return { endpoint: 'chat', model: request.model ?? undefined, body: present(body) }
}

function toOptions({ max_tokens, temperature, top_p, top_k, stop_sequences }: MessagesRequest) {
  return present({ num_predict: max_tokens, temperature, top_p, top_k, stop: toStop(stop_sequences) })
}

/** `adaptive` leaves it to the model, like Ollama's default. A budget has no counterpart. */
function toThinking({ thinking, output_config }: MessagesRequest) {
  if (thinking?.type === 'between_tools') throw notSupported('thinking.type', 'Ollama thinks before its answer, or not at all')
  if (thinking?.type === 'disabled') return false
  return toThink(output_config?.effort) ?? (thinking?.type === 'enabled' ? true : undefined)
}

function toTools({ tools, tool_choice }: MessagesRequest) {
  if (tool_choice?.disable_parallel_tool_use)
    throw notSupported('tool_choice.disable_parallel_tool_use', 'a model calls as many tools as it likes')
  if (tool_choice?.type === 'any' || tool_choice?.type === 'tool')
    throw notSupported('tool_choice.type', 'Ollama cannot make a model call a tool; "auto" and "none" are')
  const functions = tools?.map((tool, i) => {
    if (!('input_schema' in tool)) throw notSupported(`tools.${i}.type`, 'only tools with an input_schema of their own are')
    const { name, description, input_schema: parameters } = tool
    return { type: 'function', function: present({ name, description, parameters }) }
  })
  return tool_choice?.type === 'none' ? undefined : functions
}

function toMessages({ system, messages }: MessagesRequest): OllamaMessage[] {
  // An empty system prompt would replace the model's own.
  const first: OllamaMessage[] = system?.length ? [toSystem(system)] : []
  /** The names of the tools that were called, by the ids of their calls. */
  const names = new Map<string, string>()
  return first.concat(
    messages.flatMap((message, i) => {
      const path = `messages.${i}.content`
      if (message.role === 'system') return toSystem(message.content)
      return message.role === 'assistant' ? toAssistant(message.content, path, names) : toUser(message.content, path, names)
    }),
  )
}

function toSystem(content: Content<'system'>): OllamaMessage {
  return { role: 'system', ...toParts(toBlocks(content), '') }
}

/** The assistant's texts are pieces of one text, the user's are paragraphs. */
function toAssistant(content: Content<'assistant'>, path: string, names: Map<string, string>): OllamaMessage {
  const message: OllamaMessage = { role: 'assistant', content: '' }
  for (const [i, block] of toBlocks(content).entries()) {
    if (block.type === 'text') message.content += block.text
    else if (block.type === 'thinking') message.thinking = (message.thinking ?? '') + block.thinking
    else if (block.type === 'tool_use') {
      const { id, name, input } = block
      names.set(id, name)
      message.tool_calls ??= []
      message.tool_calls.push({ id, function: { name, arguments: input } })
    } else if (block.type !== 'redacted_thinking') throw refusedBlock(`${path}.${i}`)
  }
  return message
}

/** Tool results become messages of their own, before the text of the same message. */
function toUser(content: Content<'user'>, path: string, names: ReadonlyMap<string, string>): OllamaMessage[] {
  const blocks = toBlocks(content)
  const results = blocks.flatMap((block, i) =>
    block.type === 'tool_result' ? toToolMessage(block, `${path}.${i}`, names) : [],
  )
  if (results.length > 0 && results.length === blocks.length) return results
  return [...results, { role: 'user', ...toParts(blocks, path) }]
}

type ToolResult = Extract<Block, { type: 'tool_result' }>

function toToolMessage(result: ToolResult, path: string, names: ReadonlyMap<string, string>): OllamaMessage {
  const name = names.get(result.tool_use_id)
  if (name === undefined) throw invalidRequest(`${path}.tool_use_id`, 'Expected the id of a tool_use of an earlier message')
  const parts = toParts(toBlocks(result.content ?? ''), `${path}.content`)
  // Ollama has no flag for an error, so the model reads it in the text.
  if (result.is_error) parts.content = `Error: ${parts.content}`
  return { role: 'tool', ...parts, tool_name: name, tool_call_id: result.tool_use_id }
}

/** The texts as paragraphs, the images beside them: Ollama's have no place within a text. */
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
