import type { GenerateResponse } from 'ollama/browser'
import type { ServiceError } from './errors.ts'
import { toNumber, type ExactNumber } from './exact-json.ts'

/**
 * One parsed line of Ollama's stream. Every field is optional, because Ollama omits empty fields
 * (docs/ollama.md#1-stream). Numbers in the last line, in tool calls and in log probabilities keep
 * all their digits.
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

/** One event of a generation. `line` is the line as Ollama sent it, without its LF. */
export type GenerationEvent =
  | { readonly type: 'delta' | 'done'; readonly line: string; readonly chunk: OllamaChunk }
  | { readonly type: 'failed'; readonly error: ServiceError; readonly line?: string }

/**
 * The events that were read from one piece of bytes, in order. If there is a `done` or a `failed`,
 * it is the last event.
 */
export type Batch = readonly GenerationEvent[]

/** More tokens than any model reads or writes for one request. */
const maxTokens = 10_000_000

/**
 * Returns a count of tokens that Ollama reports. Undefined if it is no count. A broken host may report
 * anything, and a sum with NaN or Infinity would stay that for ever.
 */
export function toTokens(count: unknown): number | undefined {
  const tokens = toNumber(count)
  return Number.isSafeInteger(tokens) && tokens >= 0 ? Math.min(tokens, maxTokens) : undefined
}

/**
 * Why a generation has no event yet. `queued`: it waits in Sluice's queue. `loading`: Ollama loads
 * the model. `evaluating`: the model reads the prompt.
 */
export type Waiting = 'queued' | 'loading' | 'evaluating'

/** What the log says of the way of a request to Ollama. */
export interface CallNotes {
  /** The default model, if the request names none. */
  model?: string | undefined
  /** The name of the Ollama that answers. Undefined if there is only one. */
  host?: string
  /** How long the request waited in Sluice's queue, in milliseconds. */
  queue_ms?: number
  /** How many other hosts have failed before, unseen by the reader. */
  failovers?: number
}

/**
 * How a stream ended. `done`: Ollama finished the answer. `left`: the client disconnected.
 * `stalled`: the client read nothing for too long. `failed`: an error ended it.
 */
export type Ended = { readonly how: 'done' | 'left' | 'stalled' } | { readonly how: 'failed'; readonly error: ServiceError }

/**
 * A source that pushes its values. It calls `onValue` synchronously with each value. If `onValue`
 * returns a promise, the source pauses until that promise settles. The promise that `Flow` returns
 * resolves when the source ends. It rejects when the source fails or its signal aborts.
 */
export type Flow<T> = (onValue: (value: T) => void | Promise<void>) => Promise<void>

/** A request for Ollama: one of a few endpoints, and a body that is already validated. */
export interface GenerationCall {
  /** `pull`, `push` and `create` report their progress. They generate no text. */
  readonly endpoint: 'generate' | 'chat' | 'pull' | 'push' | 'create'
  /** Undefined means the default model. It is chosen later, before the request goes to Ollama. */
  readonly model: string | undefined
  /** The request body in Ollama's format. Its `model` and `stream` are overwritten later. */
  readonly body: Readonly<Record<string, unknown>>
  /**
   * The name of the field in the client's request that asks for thinking, such as
   * `reasoning_effort`. If the model cannot think, Sluice removes `think` from the body and reports
   * this field as ignored. Without `thinkWish`, Sluice always passes `think` on, and Ollama refuses
   * the request if the model cannot think.
   */
  readonly thinkWish?: string
}

/** Whether the call reports progress instead of generating text. */
export function isProgress({ endpoint }: GenerationCall): boolean {
  return endpoint !== 'generate' && endpoint !== 'chat'
}
