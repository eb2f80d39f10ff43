import * as v from 'valibot'
import { parse, refuse, whenGiven, whenMany, type Refusals } from '../../issues.ts'
import { boolean, integer, string } from '../../to-ollama.ts'
import { texts } from '../content.ts'
import { sampling, samplingRefusals } from '../sampling.ts'

const completionRequest = v.object({ ...sampling, prompt: texts, suffix: string, echo: boolean, best_of: integer })
export type CompletionRequest = v.InferOutput<typeof completionRequest>

const refusals: Refusals = {
  ...samplingRefusals,
  best_of: { when: whenMany, because: 'there is one answer to a request' },
  echo: { when: (value) => value === true, because: 'the answer is only what comes after the prompt' },
  logprobs: { when: whenGiven, because: 'ask for them at /v1/chat/completions' },
}

/**
 * `POST /v1/completions`: https://platform.openai.com/docs/api-reference/completions/create
 * @throws ServiceError `invalid_request`, `not_supported`
 */
export function parseCompletionRequest(body: Readonly<Record<string, unknown>>): CompletionRequest {
  const request = parse(completionRequest, body)
  refuse(body, refusals)
  return request
}
