/** A token's log probability as Ollama has it: the fields have OpenAI's names, but empty ones are left out. */
interface OllamaLogprob {
  readonly token?: string
  readonly logprob?: number
  readonly bytes?: readonly number[] | null
  readonly top_logprobs?: readonly OllamaLogprob[] | null
}

export interface Logprob extends Token {
  readonly top_logprobs: readonly Token[]
}

interface Token {
  readonly token: string
  readonly logprob: number
  readonly bytes: readonly number[] | null
}

/**
 * The log probabilities of one line, as OpenAI has them.
 * @param noBytes what stands for a token without bytes: null in a chat, an empty list in Responses
 */
export function toLogprobs(logprobs: readonly unknown[], noBytes: null | readonly number[]): Logprob[] {
  const toToken = ({ token = '', logprob = 0, bytes = noBytes }: OllamaLogprob): Token => ({ token, logprob, bytes })
  return (logprobs as readonly OllamaLogprob[]).map((entry) => ({
    ...toToken(entry),
    top_logprobs: (entry.top_logprobs ?? []).map(toToken),
  }))
}
