import { truncated } from '../errors.ts'
import type { Batch, Flow, GenerationCall } from '../generation.ts'
import { createBlob } from './blob.ts'
import { createExchange, type ExchangeOptions } from './exchange.ts'
import { link } from './link.ts'
import { createDecoder, type Decoder, type DecoderOptions } from './ollama-decoder.ts'
import { peek } from './peek.ts'
import { createAsk } from './questions.ts'
import type { CallContext, Generation, Upstream } from './upstream.ts'

export interface OllamaOptions extends ExchangeOptions {
  maxLineBytes: number
  /** How long an embedding may take; loading its model is part of it. 0 = no limit. */
  embedTimeoutMs: number
}

/** How long a finished answer is read on, so that its connection can be used again (hazard 16). */
const drainMs = 50

/** Ollama as the upstream. */
export function createOllama({ maxLineBytes, embedTimeoutMs, ...options }: OllamaOptions): Upstream {
  const exchange = createExchange(options)
  const ask = createAsk({ exchange, embedTimeoutMs })

  async function generate(call: GenerationCall, context: CallContext): Promise<Generation> {
    // The connection has a controller of its own: it may outlive its stream by 50 ms.
    const { controller, release } = link(context.signal)
    try {
      const body = { ...call.body, model: call.model, stream: true }
      const { flow: source } = await exchange({ path: `/api/${call.endpoint}`, body, trace: context.trace }, controller.signal)

      const read = Promise.withResolvers<void>()
      let isRead = false
      let drain: ReturnType<typeof setTimeout> | undefined
      const bytes: Flow<Uint8Array> = (take) =>
        source(take).finally(() => {
          isRead = true
          read.resolve()
          clearTimeout(drain)
        })

      const { first, flow } = await peek(toBatches(bytes, createDecoder({ maxLineBytes, ...toDecoding(call) })))
      if (first === undefined) throw truncated()
      if (first[0]?.type === 'failed') throw first[0].error
      return {
        flow,
        close(ended) {
          release()
          if (isRead) return
          if (ended.how !== 'done') return controller.abort()
          drain ??= setTimeout(() => controller.abort(), drainMs)
          context.hold?.(read.promise)
        },
      }
    } catch (error) {
      release()
      controller.abort(error)
      throw error
    }
  }

  return { generate, ask, blob: createBlob(exchange) }
}

/** Pull, push and create tell of their progress in `status`, and have no `done` (docs/ollama.md §1). */
function toDecoding({ endpoint }: GenerationCall): Pick<DecoderOptions, 'isDone'> {
  return endpoint === 'generate' || endpoint === 'chat' ? {} : { isDone: ({ status }) => status === 'success' }
}

/** Bytes → batches, up to the one that holds the terminal; the bytes after it are read and dropped. */
function toBatches(source: Flow<Uint8Array>, decoder: Decoder): Flow<Batch> {
  return (take) =>
    new Promise((resolve, reject) => {
      const push = (batch: Batch) => {
        const last = batch.at(-1)
        if (!last) return
        const full = take(batch)
        if (last.type !== 'delta') resolve(full)
        return full
      }
      source((bytes) => push(decoder.push(bytes)))
        .then(() => push(decoder.end()))
        .then(resolve, reject)
    })
}
