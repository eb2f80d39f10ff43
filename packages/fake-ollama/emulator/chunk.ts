export type Endpoint = 'generate' | 'chat'

/** Arguments are an object, not text (docs/ollama.md §1). */
export interface ToolCall {
  id: string
  function: { index: number; name: string; arguments: Record<string, unknown> }
}

/** `bytes` are the token's UTF-8. */
export interface Logprob {
  token: string
  logprob: number
  bytes: number[]
  top_logprobs?: Omit<Logprob, 'top_logprobs'>[]
}

/** What one line says. */
export interface Said {
  text: string
  thinking?: string
  toolCalls?: ToolCall[]
  logprobs?: Logprob[]
}

/** What a last line adds. Durations in nanoseconds. */
export interface End {
  doneReason: 'stop' | 'length' | 'load' | 'unload'
  context?: number[] | undefined
  metrics?: {
    total_duration: number
    load_duration: number
    prompt_eval_count: number
    prompt_eval_duration: number
    eval_count: number
    eval_duration: number
  }
}

export interface Head {
  endpoint: Endpoint
  /** As it was asked for: `demo` stays `demo`. */
  model: string
  createdAt: string
}

/** One line of Ollama's, in the order of its Go structs, which the recordings show; what is `undefined` is left out. */
export function toChunk({ endpoint, model, createdAt }: Head, said: Said, end?: End): object {
  const { text, thinking, toolCalls, logprobs } = said
  const head = { model, created_at: createdAt }
  const done = { done: end !== undefined, done_reason: end?.doneReason }
  if (endpoint === 'generate') {
    return { ...head, response: text, thinking, ...done, context: end?.context, ...end?.metrics, logprobs }
  }
  const message = { role: 'assistant', content: text, thinking, tool_calls: toolCalls }
  return { ...head, message, ...done, logprobs, ...end?.metrics }
}

/** Several lines as the one of `stream: false`. */
export function foldSaid(all: readonly Said[]): Said {
  const thinking = all.map((said) => said.thinking ?? '').join('')
  const toolCalls = all.flatMap((said) => said.toolCalls ?? [])
  const logprobs = all.flatMap((said) => said.logprobs ?? [])
  return {
    text: all.map((said) => said.text).join(''),
    ...(thinking !== '' && { thinking }),
    ...(toolCalls.length > 0 && { toolCalls }),
    ...(logprobs.length > 0 && { logprobs }),
  }
}
