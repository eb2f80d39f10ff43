import type { GenerationCall } from '../../../generation.ts'
import type { Ignored } from '../../ignored.ts'
import { invalidRequest } from '../../issues.ts'
import { present, toLimit, toThink } from '../../to-ollama.ts'
import { toOffered } from '../../tool-choice.ts'
import { toFormat } from '../format.ts'
import { toThinkWish } from '../sampling.ts'
import { toChoice, type Origins } from '../tools.ts'
import { toMessages } from './messages.ts'
import { toTools } from './tools.ts'
import type { ResponsesRequest } from './schema.ts'

/**
 * The values of `include` that are not reported as ignored. Sluice never encrypts reasoning. A
 * client that asks for encrypted reasoning gets plain reasoning, and can send it back.
 */
const includable = ['message.output_text.logprobs', 'reasoning.encrypted_content']

export interface ResponseCall {
  readonly call: GenerationCall
  readonly origins: Origins
  /** Whether an answer without a tool call is a failure. */
  readonly isDemanded: boolean
}

/**
 * Converts a request into a chat request for Ollama.
 * @throws ServiceError `invalid_request`, `not_supported`
 */
export function toResponseCall(request: ResponsesRequest, ignored: Ignored): ResponseCall {
  const { include, input, instructions, text, top_logprobs, tool_choice } = request
  for (const [i, field] of (include ?? []).entries()) if (!includable.includes(field)) ignored.add(`include.${i}`)
  if (text?.verbosity && text.verbosity !== 'medium') ignored.add('text.verbosity')

  const messages = toMessages(input, ignored)
  // Without messages Ollama would only load the model and not answer (docs/ollama.md#1-stream).
  if (messages.length === 0) throw invalidRequest('input', 'Expected at least one message')
  const { offered, origins } = toTools(request.tools, input, ignored)
  const choice = toChoice(tool_choice, ignored)
  const format = text?.format
  const wantsLogprobs = Boolean(top_logprobs) || include?.includes('message.output_text.logprobs')
  const body = {
    messages: instructions ? [{ role: 'system', content: instructions }, ...messages] : messages,
    tools: toOffered(offered, choice, { path: 'tool_choice', isStream: request.stream === true }),
    format: toFormat(format?.type, format?.type === 'json_schema' ? format.schema : undefined),
    think: toThink(request.reasoning?.effort),
    options: present({
      temperature: request.temperature,
      top_p: request.top_p,
      num_predict: toLimit(request.max_output_tokens),
    }),
    ...(wantsLogprobs && { logprobs: true, top_logprobs }),
    keep_alive: request.keep_alive,
  }
  const call = { endpoint: 'chat', model: request.model ?? undefined, body: present(body), ...toThinkWish(request) } as const
  return { call, origins, isDemanded: choice.isDemanded }
}
