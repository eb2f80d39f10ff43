export type Endpoint = 'generate' | 'chat'

/** A tool call. Its arguments are an object, not text (docs/ollama.md#1-stream). */
export interface ToolCall {
  id: string
  function: { index: number; name: string; arguments: Record<string, unknown> }
}

/** The log probability of a token. `bytes` is the token in UTF-8. */
export interface Logprob {
  token: string
  logprob: number
  bytes: number[]
  top_logprobs?: Omit<Logprob, 'top_logprobs'>[]
}

/** The content of one line. */
export interface Delta {
  text: string
  thinking?: string
  toolCalls?: ToolCall[]
  logprobs?: Logprob[]
}

/** The fields that only the last line has. Durations are in nanoseconds. */
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
  /** The model's name as the request has it: `demo` does not become `demo:latest`. */
  model: string
  createdAt: string
}

/**
 * Makes one line of Ollama's stream. Its fields have the order of Ollama's Go structs, as in the
 * recordings. Fields that are `undefined` are left out.
 */
export function toChunk({ endpoint, model, createdAt }: Head, delta: Delta, end?: End): object {
  const { text, thinking, toolCalls, logprobs } = delta
  const head = { model, created_at: createdAt }
  const done = { done: end !== undefined, done_reason: end?.doneReason }
  if (endpoint === 'generate') {
    return { ...head, response: text, thinking, ...done, context: end?.context, ...end?.metrics, logprobs }
  }
  const message = { role: 'assistant', content: text, thinking, tool_calls: toolCalls }
  return { ...head, message, ...done, logprobs, ...end?.metrics }
}

/** Joins the content of several lines, for the single line of `stream: false`. */
export function foldDeltas(deltas: readonly Delta[]): Delta {
  const thinking = deltas.map((delta) => delta.thinking ?? '').join('')
  const toolCalls = deltas.flatMap((delta) => delta.toolCalls ?? [])
  const logprobs = deltas.flatMap((delta) => delta.logprobs ?? [])
  return {
    text: deltas.map((delta) => delta.text).join(''),
    ...(thinking !== '' && { thinking }),
    ...(toolCalls.length > 0 && { toolCalls }),
    ...(logprobs.length > 0 && { logprobs }),
  }
}
