import type { Batch, CallNotes, Ended, Flow, GenerationCall, Waiting } from '../generation.ts'

/**
 * Answers requests. An implementation is either Ollama itself, or a decorator around another
 * `Upstream`, such as the queue.
 */
export interface Upstream {
  /**
   * Resolves once the first event is known and is no failure.
   * @throws ServiceError if the first event is a failure or does not come; the signal's reason
   * once it aborts
   */
  generate(call: GenerationCall, context: CallContext): Promise<Generation>
  /**
   * Asks a small question, whose answer is one JSON object.
   * @throws ServiceError for any failure; the signal's reason once it aborts
   */
  ask(question: Question, context: CallContext): Promise<Answer>
  /**
   * Uploads a blob if its content is given. Otherwise checks that the upstream has the blob.
   * @throws ServiceError, `not_found` if the blob is missing; the signal's reason once it aborts
   */
  blob(blob: ModelBlob, context: CallContext): Promise<void>
}

export interface CallContext {
  readonly signal: AbortSignal
  /**
   * The headers `traceparent` and `tracestate` of the reader. No other headers of the reader are
   * passed on.
   */
  readonly trace?: Readonly<Record<string, string>>
  /** The name of the caller's key, if there are keys. The queue is fair between these names. */
  readonly principal?: string
  /**
   * Globs of the models that the caller's key may use. Undefined allows all models that the policy
   * allows.
   */
  readonly models?: readonly string[] | undefined
  /** What the caller's stream token allows: models as above, and the longest answer in tokens. */
  readonly token?: { readonly models?: readonly string[] | undefined; readonly num_predict?: number | undefined } | undefined
  /**
   * Keeps the request alive on workerd until `promise` settles, even after the stream has ended
   * (docs/hazards.md#12). For example, this lets Sluice read Ollama's response to its end.
   */
  readonly waitUntil?: (promise: Promise<unknown>) => void
  /**
   * Called before the first event if an optional field of the request was removed. `path` names the
   * field.
   */
  readonly ignore?: (path: string) => void
  /** Called with what the log says of the way of the request. Later notes win. */
  readonly note?: (notes: CallNotes) => void
  /**
   * Called when a generation, or a question that a model answers, is sent to Ollama. A decorator
   * may send it more than once.
   */
  readonly onSent?: (() => void) | undefined
  /** The name of the Ollama that the caller wants, if there are several. */
  readonly host?: string | undefined
  /**
   * The caller's own name for the conversation. All requests of a conversation go to the same
   * Ollama, if there are several and that one is not busier than others.
   */
  readonly session?: string | undefined
  /**
   * Called when the generation begins to wait for something. `undefined` means that the previous
   * state is over. Omit the callback if nobody needs it.
   */
  readonly onWaiting?: (state: Waiting | undefined) => void
  /**
   * Whether the reader is shown what it waits for. Only then is Ollama asked whether the model is
   * loaded.
   */
  readonly showsWaiting?: boolean
}

export interface Generation {
  /**
   * Emits every batch, including the first. Resolves right after the batch that contains the
   * terminal event.
   */
  readonly flow: Flow<Batch>
  /**
   * Releases the connection. After `done`, the response is read to its end, for at most 50 ms, so
   * that the connection can be used again. After any other outcome, the connection is closed.
   * `close` may be called twice.
   */
  close(ended: Ended): void
}

export type Question =
  | {
      readonly about: 'tags' | 'ps' | 'version'
      /** The answer must also contain the default model. */
      readonly withDefault?: true
    }
  | {
      readonly about: 'show' | 'embed' | 'embeddings' | 'systemone' | 'copy' | 'delete'
      readonly body: Readonly<Record<string, unknown>>
    }

/**
 * Whether a model computes the answer to a question. Such a question is limited by clamps, waits in
 * the queue, and may have to load its model first.
 */
export function isInference({ about }: Question): boolean {
  return about === 'embed' || about === 'embeddings' || about === 'systemone'
}

export interface Answer {
  /** Ollama's own text, verbatim. It is empty after copy and delete. */
  readonly text: string
  readonly value: Readonly<Record<string, unknown>>
  /** The default model, for a request that names no model. */
  readonly defaultModel?: string | undefined
  /**
   * The aliases that may be used, each with the model that it stands for. That model need not be
   * installed. Only the answers about `tags` and `ps` have aliases.
   */
  readonly aliases?: readonly (readonly [name: string, model: string])[]
}

/**
 * The name of a blob: `sha256:` and 64 hex digits. This is the only part of an upstream path that
 * comes from a reader (docs/hazards.md#8).
 */
export type Digest = `sha256:${string}`

/** A part of a model, for `create`. The content is streamed, because it can be gigabytes long. */
export interface ModelBlob {
  readonly digest: Digest
  readonly content: ReadableStream<Uint8Array> | undefined
}
