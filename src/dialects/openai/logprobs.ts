interface OllamaLogprob {
  readonly token?: string
  readonly logprob?: number
  readonly bytes?: readonly number[] | null
  readonly top_logprobs?: readonly OllamaLogprob[] | null
}

/** Ollama leaves out what is empty, OpenAI does not. */
export function toLogprobs(logprobs: readonly unknown[]) {
  return { content: (logprobs as readonly OllamaLogprob[]).map(toLogprob) }
}

function toLogprob(entry: OllamaLogprob) {
  return { ...toToken(entry), top_logprobs: (entry.top_logprobs ?? []).map(toToken) }
}

function toToken({ token = '', logprob = 0, bytes = null }: OllamaLogprob) {
  return { token, logprob, bytes }
}
