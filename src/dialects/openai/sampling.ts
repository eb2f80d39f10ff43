import * as v from 'valibot'
import { toNumber } from '../../exact-json.ts'
import type { FieldRules } from '../read-request.ts'
import {
  boolean,
  integer,
  keep_alive,
  modelName,
  number,
  object,
  present,
  string,
  toLimit,
  toStop,
  toThink,
} from '../to-ollama.ts'

/**
 * The fields that chat and completions share:
 * https://platform.openai.com/docs/api-reference/chat/create
 */
export const sampling = {
  model: v.nullish(modelName),
  stream: boolean,
  stream_options: v.nullish(object({ include_usage: boolean })),
  temperature: number,
  top_p: number,
  presence_penalty: number,
  frequency_penalty: number,
  seed: integer,
  stop: v.nullish(v.union([v.string(), v.array(v.string())])),
  max_tokens: integer,
  max_completion_tokens: integer,
  reasoning_effort: string,
  /** OpenRouter's form of `reasoning_effort`. Ollama's `/v1` accepts it too. */
  reasoning: v.nullish(object({ effort: string })),
  /** A field of Ollama, for clients that can send fields which OpenAI does not define. */
  keep_alive,
}

type Rules = Required<FieldRules<v.ObjectEntries>>

export const samplingRefusals: Rules['refusals'] = {
  n: { when: (value) => toNumber(value) > 1, reason: 'answers' },
}

export const samplingWishes: Rules['wishes'] = {
  n: (value) => toNumber(value) !== 1,
  logit_bias: () => true,
  store: (value) => value !== false,
}

/** Fields for ids, billing and caches. They cannot change the answer. */
export const samplingHints: Rules['hints'] = [
  'user',
  'metadata',
  'service_tier',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_options',
  'prompt_cache_retention',
]

type Sampling = { readonly [Field in keyof typeof sampling]?: v.InferOutput<(typeof sampling)[Field]> }

/**
 * Converts these fields into Ollama's fields. Absent options are left out, so that the defaults of
 * the model apply.
 */
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
      num_predict: toLimit(max_completion_tokens ?? max_tokens),
    }),
    think: toThink(request.reasoning_effort ?? request.reasoning?.effort),
    keep_alive: request.keep_alive,
  }
}

/**
 * Returns an object with `thinkWish`, the name of the field that asks for thinking. The object is
 * empty if the request has no such field.
 */
export function toThinkWish({ reasoning_effort, reasoning }: Pick<Sampling, 'reasoning_effort' | 'reasoning'>) {
  if (reasoning_effort) return { thinkWish: 'reasoning_effort' }
  return reasoning?.effort ? { thinkWish: 'reasoning.effort' } : {}
}
