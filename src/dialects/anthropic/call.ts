import { isNumber } from '../../exact-json.ts'
import type { GenerationCall } from '../../generation.ts'
import type { Ignored } from '../ignored.ts'
import { present, toLimit, toStop, toThink } from '../to-ollama.ts'
import { toOffered } from '../tool-choice.ts'
import { toMessages } from './messages.ts'
import type { MessagesRequest } from './schema.ts'
import { toChoice, toTools } from './tools.ts'

export interface MessagesCall {
  readonly call: GenerationCall
  /** Whether an answer without a tool call is a failure. */
  readonly isDemanded: boolean
}

/**
 * Converts a Messages request into a chat request for Ollama.
 * @throws ServiceError `invalid_request`, `not_supported`
 */
export function toCall(request: MessagesRequest, ignored: Ignored): MessagesCall {
  const { value: think, wish } = toThinking(request, ignored)
  const choice = toChoice(request.tool_choice, ignored)
  const offer = { path: 'tool_choice', isStream: request.stream === true }
  const body = {
    messages: toMessages(request, ignored),
    tools: toOffered(toTools(request, ignored), choice, offer),
    format: (request.output_config?.format ?? request.output_format)?.schema,
    think,
    options: toOptions(request),
  }
  const call = { endpoint: 'chat', model: request.model ?? undefined, body: present(body), ...wish } as const
  return { call, isDemanded: choice.isDemanded }
}

function toOptions({ max_tokens, temperature, top_p, top_k, stop_sequences }: MessagesRequest) {
  return present({ num_predict: toLimit(max_tokens), temperature, top_p, top_k, stop: toStop(stop_sequences) })
}

/** The known values of `thinking.type`. Any other value is ignored. */
const types = ['enabled', 'disabled', 'adaptive']

/**
 * Returns Ollama's `think` as `value`. If a field asked for thinking, `wish` has the path of this
 * field. Ollama has no thinking budget, so `budget_tokens` is ignored.
 */
function toThinking({ thinking, output_config }: MessagesRequest, ignored: Ignored) {
  if (thinking && !types.includes(thinking.type)) ignored.add('thinking.type')
  if (isNumber(thinking?.budget_tokens)) ignored.add('thinking.budget_tokens')
  if (thinking?.type === 'disabled') return { value: false }
  const effort = output_config?.effort
  if (effort && typeof effort !== 'string') ignored.add('output_config.effort')
  const level = typeof effort === 'string' ? toThink(effort) : undefined
  if (level !== undefined) return { value: level, wish: { thinkWish: 'output_config.effort' } }
  return thinking?.type === 'enabled' ? { value: true, wish: { thinkWish: 'thinking' } } : {}
}
