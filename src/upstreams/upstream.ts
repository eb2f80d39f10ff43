import type { Batch, Ended, Flow, GenerationCall, Waiting } from '../generation.ts'

/** What answers us: Ollama itself; later a pool, a queue, a breaker or a resumable log around it, all as this interface. */
export interface Upstream {
  /**
   * Resolves once the first event is known and is no failure.
   * @throws ServiceError whatever kept the first event from coming; the signal's reason once it aborts
   */
  generate(call: GenerationCall, context: CallContext): Promise<Generation>
  /** A small question with one JSON object as its answer. @throws ServiceError; the signal's reason once it aborts */
  ask(question: Question, context: CallContext): Promise<Answer>
  /** Whether it has a blob; with its content, takes it. @throws ServiceError `not_found`; the signal's reason once it aborts */
  blob(blob: ModelBlob, context: CallContext): Promise<void>
}

export interface CallContext {
  readonly signal: AbortSignal
  /** The reader's own `traceparent` and `tracestate`, the only headers that are passed on. */
  readonly trace?: Readonly<Record<string, string>>
  /** Whose request it is, where there are keys: the queue is fair between them. */
  readonly principal?: string
  /** Globs of the models that this key may use; undefined: all that anybody may. */
  readonly models?: readonly string[] | undefined
  /** Keeps alive what outlives the stream: reading a finished answer to its end (workerd, hazard 12). */
  readonly hold?: (promise: Promise<unknown>) => void
  /** Hears, before the first event, the path of a wish that was left out. */
  readonly ignore?: (path: string) => void
  /** Hears what the generation waits for; undefined: no longer for what it was told last. Absent: nobody wants to know. */
  readonly onWaiting?: (state: Waiting | undefined) => void
}

export interface Generation {
  /** Every batch, the first one included. Resolves right after the batch that holds the terminal. */
  readonly flow: Flow<Batch>
  /** Gives the connection back: after `done` it is read to its end, for 50 ms at most, so that keep-alive survives; else it is closed. Idempotent. */
  close(ended: Ended): void
}

export type Question =
  | {
      readonly about: 'tags' | 'ps' | 'version'
      /** Whether the answer also says which model a request gets that names none. */
      readonly withDefault?: true
    }
  | {
      readonly about: 'show' | 'embed' | 'embeddings' | 'systemone' | 'copy' | 'delete'
      readonly body: Readonly<Record<string, unknown>>
    }

/** Whether a model works for its answer: it is clamped, waits in the queue, and may have to load its model first. */
export function isInference({ about }: Question): boolean {
  return about === 'embed' || about === 'embeddings' || about === 'systemone'
}

export interface Answer {
  /** Ollama's own text, verbatim; empty after copy and delete. */
  readonly text: string
  readonly value: Readonly<Record<string, unknown>>
  /** The model of a request that names none. */
  readonly defaultModel?: string | undefined
  /** Of a list: further names that may be asked, and the model that each means, whether it is there or not. */
  readonly aliases?: readonly (readonly [name: string, meant: string])[]
}

/**
 * The name of a blob: a fixed word and 64 hex digits. It is the only part of an upstream path that
 * comes from a reader (hazard 8).
 */
export type Digest = `sha256:${string}`

/** A part of a model, for `create`: up to gigabytes, and streamed. */
export interface ModelBlob {
  readonly digest: Digest
  readonly content: ReadableStream<Uint8Array> | undefined
}
