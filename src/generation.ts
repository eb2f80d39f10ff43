import type { GenerateResponse } from 'ollama/browser'
import type { ServiceError } from './errors.ts'
import type { ExactNumber } from './exact-json.ts'

/**
 * One parsed line of a generation. Every field is optional, because Ollama omits empty fields
 * (docs/ollama.md#1-stream). The numbers of the last line, of tool calls and of log probabilities
 * are exact.
 */
export interface OllamaChunk extends Readonly<
  Partial<Pick<GenerateResponse, 'model' | 'response' | 'thinking' | 'done' | 'done_reason'>>
> {
  readonly [field: string]: unknown
  readonly created_at?: string
  readonly message?: {
    readonly [field: string]: unknown
    readonly content?: string
    readonly thinking?: string
    readonly tool_calls?: readonly unknown[]
  }
  readonly logprobs?: readonly unknown[]
  readonly prompt_eval_count?: ExactNumber
  readonly eval_count?: ExactNumber
}

/** What happened in a generation. `line` is Ollama's own JSON text, verbatim, without its LF. */
export type GenerationEvent =
  | { readonly type: 'delta' | 'done'; readonly line: string; readonly chunk: OllamaChunk }
  | { readonly type: 'failed'; readonly error: ServiceError; readonly line?: string }

/** The events of one piece of bytes, in order. A `done` or a `failed` is always the last one. */
export type Batch = readonly GenerationEvent[]

/**
 * What a generation waits for before its first event: a place in our queue, the loading of its
 * model, or the reading of its prompt.
 */
export type Waiting = 'queued' | 'loading' | 'evaluating'

/**
 * How a stream ended. `done`: Ollama finished it. `left`: its reader went away. `stalled`: its
 * reader took nothing for too long. `failed`: an error ended it.
 */
export type Ended = { readonly how: 'done' | 'left' | 'stalled' } | { readonly how: 'failed'; readonly error: ServiceError }

/**
 * A source that pushes. It gives each value to `onValue` synchronously. If `onValue` returns a
 * promise, the source pauses until that promise settles. Resolves when the source ends. Rejects
 * when the source breaks or its signal aborts.
 */
export type Flow<T> = (onValue: (value: T) => void | Promise<void>) => Promise<void>

/** A request for the upstream: a constant endpoint, and a body that was checked. */
export interface GenerationCall {
  /** `pull`, `push` and `create` report their progress, and generate nothing. */
  readonly endpoint: 'generate' | 'chat' | 'pull' | 'push' | 'create'
  /** Undefined means the default model, which the policy in front of the upstream finds. */
  readonly model: string | undefined
  /** A request as Ollama reads it. Its `model` and `stream` are overwritten. */
  readonly body: Readonly<Record<string, unknown>>
  /**
   * The field of the reader's request that wishes for thinking, such as `reasoning_effort`. If
   * the model cannot think, the wish is left out. Without this field, a `think` in the body is
   * the reader's own, and Ollama judges it.
   */
  readonly thinkWish?: string
}

/** Whether the call reports progress instead of generating text. */
export function isProgress({ endpoint }: GenerationCall): boolean {
  return endpoint !== 'generate' && endpoint !== 'chat'
}
