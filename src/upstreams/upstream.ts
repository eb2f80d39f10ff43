import type { Batch, Ended, Flow, GenerationCall } from '../generation.ts'

/** What answers us: Ollama itself; later a pool, a queue, a breaker or a resumable log around it, all as this interface. */
export interface Upstream {
  /**
   * Resolves once the first event is known and is no failure.
   * @throws ServiceError whatever kept the first event from coming; the signal's reason once it aborts
   */
  generate(call: GenerationCall, context: CallContext): Promise<Generation>
  /** A small question with one JSON object as its answer. @throws ServiceError; the signal's reason once it aborts */
  ask(question: Question, context: CallContext): Promise<JsonAnswer>
}

export interface CallContext {
  readonly signal: AbortSignal
  /** The reader's own `traceparent` and `tracestate`, the only headers that are passed on. */
  readonly trace?: Readonly<Record<string, string>>
  /** Keeps alive what outlives the stream: reading a finished answer to its end (workerd, hazard 12). */
  readonly hold?: (promise: Promise<unknown>) => void
}

export interface Generation {
  /** Every batch, the first one included. Resolves right after the batch that holds the terminal. */
  readonly flow: Flow<Batch>
  /** Gives the connection back: after `done` it is read to its end, for 50 ms at most, so that keep-alive survives; else it is closed. Idempotent. */
  close(ended: Ended): void
}

export type Question =
  | { readonly about: 'tags' | 'ps' | 'version' }
  | { readonly about: 'show' | 'embed' | 'embeddings'; readonly body: Readonly<Record<string, unknown>> }

export type JsonAnswer = Readonly<Record<string, unknown>>
