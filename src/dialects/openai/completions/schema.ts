import * as v from 'valibot'
import type { Ignored } from '../../ignored.ts'
import { readRequest, type FieldRules } from '../../read-request.ts'
import { string } from '../../to-ollama.ts'
import { texts } from '../texts.ts'
import { sampling, samplingHints, samplingRefusals, samplingWishes } from '../sampling.ts'

const schema = v.object({ ...sampling, prompt: texts, suffix: string })
export type CompletionRequest = v.InferOutput<typeof schema>

export const rules: FieldRules<typeof schema.entries> = {
  schema,
  needed: ['model', 'prompt', 'stream'],
  refusals: { ...samplingRefusals, logprobs: { when: (value) => value !== false, reason: 'logprobs' } },
  wishes: { ...samplingWishes, best_of: (value) => value !== 1, echo: (value) => value !== false },
  hints: samplingHints,
}

/**
 * `POST /v1/completions`: https://platform.openai.com/docs/api-reference/completions/create
 * @throws ServiceError `invalid_request`, `not_supported`
 */
export function parseCompletionRequest(body: Readonly<Record<string, unknown>>, ignored: Ignored): CompletionRequest {
  return readRequest(body, rules, ignored)
}
