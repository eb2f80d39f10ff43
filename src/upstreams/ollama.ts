import { truncated } from '../errors.ts'
import { isProgress, type Batch, type Flow, type GenerationCall } from '../generation.ts'
import { createBlob } from './blob.ts'
import { createExchange, type ExchangeOptions } from './exchange.ts'
import { link } from './link.ts'
import { createDecoder, type Decoder, type DecoderOptions } from './ollama-decoder.ts'
import { peek } from './peek.ts'
import { createAsk } from './questions.ts'
import type { CallContext, Generation, Upstream } from './upstream.ts'

export interface OllamaOptions extends ExchangeOptions {
  maxLineBytes: number
  /**
   * How long an embedding may take, including the loading of its model, in milliseconds. 0 means no
   * limit.
   */
  embedTimeoutMs: number
}

/**
 * How long a response is still read after the terminal event, in milliseconds. A connection can be
 * used again only if its response was read to the end (docs/hazards.md#16).
 */
const drainMs = 50

/** Creates the upstream that sends requests to Ollama. */
export function createOllama({ maxLineBytes, embedTimeoutMs, ...options }: OllamaOptions): Upstream {
  const exchange = createExchange(options)
  const ask = createAsk({ exchange, embedTimeoutMs })

  async function generate(call: GenerationCall, context: CallContext): Promise<Generation> {
    // The connection has a controller of its own, because it may stay open for 50 ms after the
    // stream has ended.
    const connection = link(context.signal)
    try {
      const body = { ...call.body, model: call.model, stream: true }
      context.onSent?.()
      const { flow } = await exchange(
        { path: `/api/${call.endpoint}`, body, trace: context.trace },
        connection.controller.signal,
      )
      return await toGeneration(flow, createDecoder({ maxLineBytes, ...toDecoding(call) }), connection, context.waitUntil)
    } catch (error) {
      connection.release()
      connection.controller.abort(error)
      throw error
    }
  }

  return { generate, ask, blob: createBlob(exchange) }
}

/**
 * This is a separate function, because its closures live as long as the stream. On Bun, the
 * closures of an async function keep all of its arguments in memory (docs/hazards.md#81). The
 * arguments of `generate` include the request with its images.
 * @throws ServiceError if the first event is a failure, or if there is no event
 */
async function toGeneration(
  source: Flow<Uint8Array>,
  decoder: Decoder,
  { controller, release }: ReturnType<typeof link>,
  waitUntil: CallContext['waitUntil'],
): Promise<Generation> {
  let read: Promise<void> | undefined
  let isRead = false
  let drain: ReturnType<typeof setTimeout> | undefined
  const bytes: Flow<Uint8Array> = (onBytes) =>
    (read = source(onBytes).finally(() => {
      isRead = true
      clearTimeout(drain)
    }))

  const { first, flow } = await peek(toBatches(bytes, decoder))
  if (first === undefined) throw truncated()
  if (first[0]?.type === 'failed') throw first[0].error
  return {
    flow,
    close(ended) {
      release()
      if (isRead) return
      if (ended.how !== 'done') return controller.abort()
      drain ??= setTimeout(() => controller.abort(), drainMs)
      waitUntil?.(read!.catch(() => {}))
    },
  }
}

/**
 * Pull, push and create report their progress in `status`, and have no `done`
 * (docs/ollama.md#1-stream).
 */
function toDecoding(call: GenerationCall): Pick<DecoderOptions, 'isDone'> {
  return isProgress(call) ? { isDone: ({ status }) => status === 'success' } : {}
}

/**
 * Makes a flow of batches from a flow of bytes. The flow of batches ends after the batch that
 * contains the terminal event. Later bytes are read and dropped.
 */
function toBatches(source: Flow<Uint8Array>, decoder: Decoder): Flow<Batch> {
  return (onBatch) =>
    new Promise((resolve, reject) => {
      const emit = (batch: Batch) => {
        const last = batch.at(-1)
        if (!last) return
        const drained = onBatch(batch)
        if (last.type !== 'delta') resolve(drained)
        return drained
      }
      const onBytes = (bytes: Uint8Array) => emit(decoder.push(bytes))
      source(onBytes)
        .then(() => emit(decoder.end()))
        .then(resolve, reject)
    })
}
