import type { GenerationCall } from '../../generation.ts'
import { parse } from '../parse.ts'
import { toThink } from '../reasoning-effort.ts'
import { toEcho, type Echo } from './echo.ts'
import { toMessages } from './messages.ts'
import { refuse } from '../refuse.ts'
import { refusals, refuseParts } from './refusals.ts'
import { responsesRequest, type ResponsesRequest } from './schema.ts'
import { toTools } from './tools.ts'

export interface ResponsePlan {
  readonly call: GenerationCall
  readonly echo: Echo
  readonly isStream: boolean
}

/** A request for a response → Ollama's chat. @throws ServiceError `invalid_request`, `not_supported` */
export function toPlan(body: Readonly<Record<string, unknown>>): ResponsePlan {
  refuse(body, refusals)
  const request = parse(responsesRequest, body)
  refuseParts(request)
  const call = { endpoint: 'chat', model: request.model ?? undefined, body: toChat(request) } as const
  return { call, echo: toEcho(request), isStream: request.stream ?? false }
}

/** What is undefined is not sent: it stays as the model's own file has it. */
function toChat(request: ResponsesRequest) {
  const wantsLogprobs = Boolean(request.top_logprobs) || request.include?.includes('message.output_text.logprobs')
  return {
    messages: toMessages(request.instructions, request.input),
    tools: toTools(request),
    format: toFormat(request.text?.format),
    think: toThink(request.reasoning?.effort),
    options: {
      temperature: request.temperature ?? undefined,
      top_p: request.top_p ?? undefined,
      num_predict: request.max_output_tokens ?? undefined,
    },
    ...(wantsLogprobs && { logprobs: true, top_logprobs: request.top_logprobs ?? undefined }),
    keep_alive: request.keep_alive ?? undefined,
  }
}

function toFormat(format: NonNullable<ResponsesRequest['text']>['format']): object | 'json' | undefined {
  if (format?.type === 'json_schema') return format.schema
  return format?.type === 'json_object' ? 'json' : undefined
}
