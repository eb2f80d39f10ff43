import * as v from 'valibot'
import { toNumber, type ExactNumber } from '../../exact-json.ts'
import { exactInteger } from '../to-ollama.ts'

/** Ollama refuses numbers below 0 or above 20. */
export const topLogprobs = v.nullish(
  v.pipe(
    exactInteger,
    v.check((value) => toNumber(value) >= 0 && toNumber(value) <= 20, 'Expected 0 to 20'),
  ),
)

/** Ollama uses the same field names as OpenAI, but omits empty fields. */
interface OllamaLogprob {
  readonly token?: string
  readonly logprob?: ExactNumber
  readonly bytes?: readonly ExactNumber[] | null
  readonly top_logprobs?: readonly OllamaLogprob[] | null
}

export type Logprob = ReturnType<typeof toLogprobs>[number]

/**
 * Converts the log probabilities of one line into OpenAI's format.
 * @param noBytes the value of `bytes` for a token without bytes: null in a chat, an empty list in
 * Responses
 */
export function toLogprobs(logprobs: readonly unknown[], noBytes: null | readonly number[]) {
  const toToken = ({ token = '', logprob = 0, bytes = noBytes }: OllamaLogprob) => ({ token, logprob, bytes })
  return (logprobs as readonly OllamaLogprob[]).map((entry) => ({
    ...toToken(entry),
    top_logprobs: (entry.top_logprobs ?? []).map(toToken),
  }))
}
