import type { GenerationCall } from '../../../generation.ts'
import { invalidRequest, notSupported } from '../../issues.ts'
import { present, toArguments, toImage, toThink, type OllamaMessage } from '../../to-ollama.ts'
import { toContent, type OllamaPart } from '../content.ts'
import { toFormat } from '../format.ts'
import { toTools } from '../tools.ts'
import type { Item, Part, ResponsesRequest } from './schema.ts'

/** Reasoning is sent in the clear, so clients that want it encrypted can send it back too. */
const includable = ['message.output_text.logprobs', 'reasoning.encrypted_content']

/** As Ollama's chat. @throws ServiceError `invalid_request`, `not_supported` */
export function toResponseCall(request: ResponsesRequest): GenerationCall {
  const { include, text, top_logprobs } = request
  for (const [i, field] of (include ?? []).entries())
    if (!includable.includes(field)) throw notSupported(`include.${i}`, 'no answer has that')
  if (text?.verbosity && text.verbosity !== 'medium') throw notSupported('text.verbosity', 'say it in the instructions')

  const wantsLogprobs = Boolean(top_logprobs) || include?.includes('message.output_text.logprobs')
  const body = {
    messages: toMessages(request.instructions, request.input),
    tools: toTools(request.tools, request.tool_choice, (tool, path) => {
      if (tool.type === 'other') throw notSupported(`${path}.type`, 'only functions can be called')
      return tool
    }),
    format:
      text?.format?.type === 'json_schema' ? toFormat(text.format.type, text.format.schema) : toFormat(text?.format?.type),
    think: toThink(request.reasoning?.effort),
    options: present({ temperature: request.temperature, top_p: request.top_p, num_predict: request.max_output_tokens }),
    ...(wantsLogprobs && { logprobs: true, top_logprobs }),
    keep_alive: request.keep_alive,
  }
  return { endpoint: 'chat', model: request.model ?? undefined, body: present(body) }
}

/** In Ollama one turn of the model is one message, with its thinking and its calls. */
function toMessages(instructions: string | null | undefined, input: string | readonly Item[]): OllamaMessage[] {
  const messages: OllamaMessage[] = instructions ? [{ role: 'system', content: instructions }] : []
  if (typeof input === 'string') return [...messages, { role: 'user', content: input }]
  /** The names of the functions that were called, by the ids of their calls. */
  const names = new Map<string, string>()
  for (const [i, item] of input.entries()) addItem(messages, item, `input.${i}`, names)
  return messages
}

function addItem(messages: OllamaMessage[], item: Item, path: string, names: Map<string, string>) {
  const last = messages.at(-1)
  switch (item.type) {
    case 'message': {
      const content = toContent(item.content, `${path}.content`, toPart)
      const role = item.role === 'developer' ? 'system' : item.role
      if (role === 'assistant' && last && isThinkingAlone(last)) Object.assign(last, content)
      else messages.push({ role, ...content })
      return
    }
    case 'reasoning': {
      const thinking = [...(item.summary ?? []), ...(item.content ?? [])].map(({ text }) => text).join('\n')
      if (thinking !== '') messages.push({ role: 'assistant', content: '', thinking })
      return
    }
    case 'function_call': {
      const { call_id: id, name } = item
      names.set(id, name)
      const call = { id, function: { name, arguments: toArguments(item.arguments || '{}', `${path}.arguments`) } }
      if (last?.role === 'assistant') (last.tool_calls ??= []).push(call)
      else messages.push({ role: 'assistant', content: '', tool_calls: [call] })
      return
    }
    case 'function_call_output': {
      const name = names.get(item.call_id)
      if (name === undefined) throw invalidRequest(`${path}.call_id`, 'Expected the call_id of a function_call before it')
      const content = toContent(item.output, `${path}.output`, toPart)
      messages.push({ role: 'tool', ...content, tool_name: name, tool_call_id: item.call_id })
      return
    }
    default:
      throw notSupported(`${path}.type`, 'send messages, reasoning, function calls and their outputs, each with what it holds')
  }
}

/** Whether a message is thinking that no text and no call followed yet. */
function isThinkingAlone({ role, content, tool_calls: calls }: OllamaMessage): boolean {
  return role === 'assistant' && content === '' && !calls
}

function toPart(part: Part, path: string): OllamaPart {
  switch (part.type) {
    case 'input_text':
    case 'output_text':
      return { text: part.text }
    case 'refusal':
      return { text: part.refusal }
    case 'input_image': {
      const { file_id: file, image_url: url } = part
      if (file) throw notSupported(`${path}.file_id`, 'nothing is stored; send the image as a data URL')
      if (!url) throw invalidRequest(`${path}.image_url`, 'Expected a data URL of an image in base64')
      return { image: toImage(url, `${path}.image_url`) }
    }
    default:
      throw notSupported(`${path}.type`, 'Ollama takes texts and images')
  }
}
