import { toImage } from '../image.ts'
import { invalidRequest } from '../invalid-request.ts'
import { notSupported } from '../not-supported.ts'
import type { OllamaMessage } from '../ollama-message.ts'
import { toArguments } from '../tool-arguments.ts'
import type { Content, ImagePart, Item } from './input.ts'

/**
 * What was said so far, as Ollama takes it: what the model said in one turn is one message there, with its thinking and its calls.
 * @throws ServiceError `not_supported`, `invalid_request`
 */
export function toMessages(instructions: string | null | undefined, input: string | readonly Item[]): OllamaMessage[] {
  const messages: OllamaMessage[] = instructions ? [{ role: 'system', content: instructions }] : []
  if (typeof input === 'string') return [...messages, { role: 'user', content: input }]
  const names = new Map<string, string>() // of the functions called so far, by the call's id
  for (const [i, item] of input.entries()) addItem(messages, item, `input.${i}`, names)
  return messages
}

function addItem(messages: OllamaMessage[], item: Item, path: string, names: Map<string, string>) {
  const last = messages.at(-1)
  switch (item.type) {
    case 'message': {
      const content = toContent(item.content, `${path}.content`)
      const role = item.role === 'developer' ? 'system' : item.role
      if (role === 'assistant' && last && isThought(last)) Object.assign(last, content)
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
      const content = toContent(item.output, `${path}.output`)
      messages.push({ role: 'tool', ...content, tool_name: name, tool_call_id: item.call_id })
      return
    }
    default:
      throw notSupported(`${path}.type`, 'send messages, reasoning, function calls and their outputs, each with what it holds')
  }
}

/** Thinking that nothing was said after yet. */
function isThought({ role, content, tool_calls: calls }: OllamaMessage): boolean {
  return role === 'assistant' && content === '' && !calls
}

/** Ollama has one text and a list of images: the texts as paragraphs, the images in order. */
function toContent(content: Content, path: string): Pick<OllamaMessage, 'content' | 'images'> {
  if (typeof content === 'string') return { content }
  const texts: string[] = []
  const images: string[] = []
  for (const [i, part] of content.entries()) {
    switch (part.type) {
      case 'input_text':
      case 'output_text':
        texts.push(part.text)
        break
      case 'refusal':
        texts.push(part.refusal)
        break
      case 'input_image':
        images.push(toImageOf(part, `${path}.${i}`))
        break
      default:
        throw notSupported(`${path}.${i}.type`, 'Ollama takes texts and images')
    }
  }
  return { content: texts.join('\n'), ...(images.length > 0 && { images }) }
}

function toImageOf({ image_url: url, file_id: file }: ImagePart, path: string): string {
  if (file) throw notSupported(`${path}.file_id`, 'nothing is stored; send the image as a data URL')
  if (!url) throw invalidRequest(`${path}.image_url`, 'Expected a data URL of an image in base64')
  return toImage(url, `${path}.image_url`)
}
