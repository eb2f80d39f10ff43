import type { GenerationCall } from '../../generation.ts'
import { notSupported } from '../not-supported.ts'
import { present } from '../present.ts'
import { toThink } from '../reasoning-effort.ts'
import { toStopWords } from '../stop-words.ts'
import { toMessages } from './conversation.ts'
import type { MessagesRequest } from './request.ts'

/**
 * A request of Anthropic's → Ollama's.
 * @throws ServiceError `not_supported` with the name of what Ollama cannot do, `invalid_request` for a result of a tool that was not called
 */
export function toCall(request: MessagesRequest): GenerationCall {
  for (const name of ['container', 'context_management', 'inference_geo', 'mcp_servers'] as const) {
    if (request[name] !== undefined && request[name] !== null) throw notSupported(name, 'Ollama has nothing like it')
  }
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
  return present({ num_predict: max_tokens, temperature, top_p, top_k, stop: toStopWords(stop_sequences) })
}

/** `adaptive` leaves it to the model, which is Ollama's own default; how much is no number in Ollama, so a budget is only a wish. */
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
