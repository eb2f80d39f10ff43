import * as v from 'valibot'
import { whenFilled, whenMany, type Refusals } from '../issues.ts'
import {
  anyObject,
  boolean,
  integer,
  keep_alive,
  modelName,
  number,
  object,
  present,
  reasoningEfforts,
  toStop,
  toThink,
} from '../to-ollama.ts'

/** At least 1, because 0 and less mean no limit to Ollama. */
export const count = v.nullish(v.pipe(v.number(), v.integer('Expected an integer'), v.minValue(1, 'Expected at least 1')))

export const effort = v.nullish(
  v.picklist(reasoningEfforts, 'Expected "none", "minimal", "low", "medium", "high", "xhigh" or "max"'),
)

/** What chat and completions share: https://platform.openai.com/docs/api-reference/chat/create */
export const sampling = {
  model: v.nullish(modelName),
  stream: boolean,
  stream_options: v.nullish(object({ include_usage: boolean })),
  temperature: number,
  top_p: number,
  presence_penalty: number,
  frequency_penalty: number,
  seed: integer,
  stop: v.nullish(v.union([v.string(), v.array(v.string())], 'Expected a text or a list of texts')),
  max_tokens: count,
  max_completion_tokens: count,
  reasoning_effort: effort,
  /** OpenRouter's form of `reasoning_effort`. Ollama's `/v1` takes it too. */
  reasoning: v.nullish(object({ effort })),
  n: count,
  logit_bias: v.nullish(anyObject),
  /** Ollama's own field, for clients that can send more than OpenAI's. */
  keep_alive,
}

export const samplingRefusals: Refusals = {
  n: { when: whenMany, because: 'there is one answer to a request' },
  logit_bias: { when: whenFilled, because: 'Ollama has no bias for tokens' },
}

type Sampling = { readonly [Field in keyof typeof sampling]?: v.InferOutput<(typeof sampling)[Field]> }

/** A field that is not given stays as the model's own file has it. */
export function toSampling(request: Sampling) {
  const { temperature, top_p, presence_penalty, frequency_penalty, seed, stop, max_tokens, max_completion_tokens } = request
  return {
    options: present({
      temperature,
      top_p,
      presence_penalty,
      frequency_penalty,
      seed,
      stop: toStop(stop),
      num_predict: max_completion_tokens ?? max_tokens,
    }),
    think: toThink(request.reasoning_effort ?? request.reasoning?.effort),
    keep_alive: request.keep_alive,
  }
}
