interface Logprob {
  readonly token?: string
  readonly logprob?: number
  readonly bytes?: readonly number[]
  readonly top_logprobs?: readonly Logprob[]
}

/**
 * Ollama's log probabilities as JSON texts, with commas between them. Its fields have OpenAI's names, but are left out when empty. They
 * may ride on lines without text, while Ollama still holds the text back (docs/ollama.md §1): they wait for it here.
 */
export function createLogprobs() {
  let held: string[] = []
  return {
    /** Gives how many bytes of memory that takes, about. */
    hold(logprobs: readonly unknown[]): number {
      const texts = logprobs.map((one) => toText(one as Logprob)).join(',')
      held.push(texts)
      return texts.length
    },
    release(): string {
      if (held.length === 0) return ''
      const texts = held.join(',')
      held = []
      return texts
    },
    /** Those of thoughts and calls: only a message has some. */
    forget() {
      held = []
    },
  }
}

function toText(one: Logprob): string {
  return JSON.stringify({ ...toToken(one), top_logprobs: (one.top_logprobs ?? []).map(toToken) })
}

function toToken({ token = '', logprob = 0, bytes = [] }: Logprob) {
  return { token, logprob, bytes }
}
