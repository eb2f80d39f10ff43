import type { ServiceError } from './errors.ts'
import type { ExactNumber } from './exact-json.ts'

/**
 * One parsed line of a generation. Every field is optional, as Ollama omits what is empty
 * (docs/ollama.md §1). The numbers of the last line, of tool calls and of log probabilities are
 * exact.
 */
export interface OllamaChunk {
  readonly [field: string]: unknown
  readonly model?: string
  readonly response?: string
  readonly thinking?: string
  readonly created_at?: string
  readonly message?: {
    readonly [field: string]: unknown
    readonly content?: string
    readonly thinking?: string
    readonly tool_calls?: readonly unknown[]
  }
  readonly logprobs?: readonly unknown[]
  readonly done?: boolean
  readonly done_reason?: string
  readonly prompt_eval_count?: ExactNumber
  readonly eval_count?: ExactNumber
}

/** What happened in a generation. `line` is Ollama's own JSON text, verbatim, without its LF. */
export type GenerationEvent =
  | { readonly type: 'delta' | 'done'; readonly line: string; readonly chunk: OllamaChunk }
  | { readonly type: 'failed'; readonly error: ServiceError; readonly line?: string }

/** The events that one piece of bytes gave, in order; `done` and `failed` only at its end. */
export type Batch = readonly GenerationEvent[]

/** What a generation waits for before its first event: a place in our queue, Ollama to load the model, Ollama to read the prompt. */
export type Waiting = 'queued' | 'loading' | 'evaluating'

/** How a stream ended: by Ollama's `done`, by its reader's leaving, by a reader that took nothing, or by an error. */
export type Ended = { readonly how: 'done' | 'left' | 'stalled' } | { readonly how: 'failed'; readonly error: ServiceError }

/**
 * A source that pushes. `take` gets each value synchronously; a returned promise pauses the source until it settles.
 * Resolves at the source's end, rejects when it breaks or its signal aborts.
 */
export type Flow<T> = (take: (value: T) => void | Promise<void>) => Promise<void>

/** What to ask of the upstream: a constant endpoint, and a body that was checked. */
export interface GenerationCall {
  /** The last three tell of their progress, and generate nothing. */
  readonly endpoint: 'generate' | 'chat' | 'pull' | 'push' | 'create'
  /** Absent: the default model, which the policy in front of the upstream finds. */
  readonly model: string | undefined
  /** Ollama's own request; `model` and `stream` in it are overwritten. */
  readonly body: Readonly<Record<string, unknown>>
  /**
   * The field of the request that wishes for thinking, such as `reasoning_effort`. If the model
   * cannot think, the wish is left out. Absent: `think` is Ollama's own field, and Ollama judges it.
   */
  readonly thinkWish?: string
}

/** Whether it tells of the progress of something else than a text. */
export function isProgress({ endpoint }: GenerationCall): boolean {
  return endpoint !== 'generate' && endpoint !== 'chat'
}
