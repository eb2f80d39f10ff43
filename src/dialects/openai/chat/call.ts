import type { GenerationCall } from '../../../generation.ts'
import { notSupported } from '../../issues.ts'
import { present, toArguments, toImage } from '../../to-ollama.ts'
import { toContent, type OllamaPart } from '../content.ts'
import { toFormat } from '../format.ts'
import { toSampling } from '../sampling.ts'
import { toTools } from '../tools.ts'
import type { ChatRequest, Message, Part } from './schema.ts'

/** A chat of OpenAI's as Ollama's. @throws ServiceError `invalid_request`, `not_supported` */
export function toChatCall(request: ChatRequest): GenerationCall {
  const { messages, tools, tool_choice, response_format: format, logprobs, top_logprobs } = request
  const body = {
    messages: toMessages(messages),
    tools: toTools(tools, tool_choice, (tool, path) => {
      if (tool.type === 'custom') throw notSupported(path, 'describe it as a function')
      return tool.function
    }),
    format: format?.type === 'json_schema' ? toFormat(format.type, format.json_schema.schema) : toFormat(format?.type),
    logprobs,
    top_logprobs,
    ...toSampling(request),
  }
  return { endpoint: 'chat', model: request.model ?? undefined, body: present(body) }
}

function toMessages(messages: readonly Message[]) {
  /** The names of the tools that were called, by the ids of their calls. */
  const names = new Map<string, string>()
  return messages.map((message, i) => toMessage(message, `messages.${i}`, names))
}

function toMessage(message: Message, path: string, names: Map<string, string>) {
  const { role, name, tool_call_id: id } = message
  if (role === 'function') throw notSupported(`${path}.role`, 'send what a tool gave with the role "tool"')
  if (message.function_call) throw notSupported(`${path}.function_call`, 'send it as tool_calls')
  if (message.audio) throw notSupported(`${path}.audio`, 'Ollama takes texts and images')
  const calls = toCalls(message, path)
  for (const call of calls) if (call.id) names.set(call.id, call.function.name)
  return present({
    role: role === 'developer' ? 'system' : role,
    ...toContent(message.content ?? message.refusal ?? '', `${path}.content`, toPart),
    thinking: message.reasoning_content ?? message.reasoning,
    tool_calls: calls.length > 0 ? calls : undefined,
    ...(role === 'tool' && { tool_name: names.get(id ?? '') ?? name, tool_call_id: id }),
  })
}

function toCalls({ tool_calls }: Message, path: string) {
  return (tool_calls ?? []).map(({ id, function: { name, arguments: text } }, i) => ({
    ...(id && { id }),
    function: { name, arguments: toArguments(text, `${path}.tool_calls.${i}.function.arguments`) },
  }))
}

function toPart(part: Part, path: string): OllamaPart {
  if (part.type === 'text') return { text: part.text }
  if (part.type === 'refusal') return { text: part.refusal }
  if (part.type !== 'image_url') throw notSupported(path, 'Ollama takes texts and images')
  const { image_url: image } = part
  return { image: toImage(typeof image === 'string' ? image : image.url, `${path}.image_url`) }
}
