import { ServiceError } from '../errors.ts'
import type { Flow } from '../generation.ts'

export interface UpstreamRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'DELETE'
  /** Absolute, and made of nothing but the configuration and a constant path. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** A stream goes out in chunks, as fast as the upstream takes it. */
  readonly body?: string | ReadableStream<Uint8Array>
}

export interface UpstreamResponse {
  readonly status: number
  readonly headers: Headers
  /** The body's bytes. Rejects with a ServiceError `upstream_failed` if the connection breaks, with the signal's reason once that aborts. */
  readonly flow: Flow<Uint8Array>
}

/**
 * How bytes arrive. Resolves with the response's head; follows no redirect. The signal ends the exchange at any point, its body included.
 * @throws ServiceError `upstream_unreachable`; the signal's reason once it aborts
 */
export type Connect = (request: UpstreamRequest, signal: AbortSignal) => Promise<UpstreamResponse>

/** After so many bytes in a row a source lets others run: it may have data for ever, and they would starve (hazard 44). */
export const turnBytes = 65_536

/** The portable way: `fetch`. */
export function viaFetch(fetch: (url: string, init: RequestInit) => Promise<Response>): Connect {
  return async ({ method, url, headers, body }, signal) => {
    let response: Response
    try {
      response = await fetch(url, { method, headers, redirect: 'manual', signal, ...toBodyInit(body) })
    } catch (cause) {
      signal.throwIfAborted()
      throw unreachable(cause)
    }
    return { status: response.status, headers: response.headers, flow: toFlow(response.body, signal) }
  }
}

/** `duplex`, which the types do not know, is how `fetch` wants to be told of a stream. */
function toBodyInit(body: UpstreamRequest['body']): RequestInit & { duplex?: 'half' } {
  if (body === undefined) return {}
  return typeof body === 'string' ? { body } : { body, duplex: 'half' }
}

/** A loop of callbacks, not of `await`: with nothing in its way a piece costs one promise, the reader's own (docs/performance.md). */
function toFlow(body: ReadableStream<Uint8Array> | null, signal: AbortSignal): Flow<Uint8Array> {
  return (take) =>
    new Promise((resolve, reject) => {
      if (!body) return resolve()
      const reader = body.getReader()
      let bytesOfTurn = 0
      let isAborted = false // as asking the signal itself is dear on workerd

      const read = () => void reader.read().then(onRead, onError)
      function onRead({ done, value }: ReadableStreamReadResult<Uint8Array>) {
        if (isAborted || done) return end()
        const full = take(value)
        bytesOfTurn += value.byteLength
        if (full) return void full.then(read)
        if (bytesOfTurn < turnBytes) return read()
        bytesOfTurn = 0
        setTimeout(read, 0)
      }
      function onError(cause: unknown) {
        end(broken(cause))
      }
      function onAbort() {
        isAborted = true
        // A `fetch` that is no network (the emulator) does not end its body by the signal alone.
        void reader.cancel(signal.reason).catch(() => {})
      }
      function end(error?: ServiceError) {
        signal.removeEventListener('abort', onAbort)
        if (isAborted) reject(signal.reason as Error)
        else if (error) reject(error)
        else resolve()
      }

      signal.addEventListener('abort', onAbort)
      if (signal.aborted) onAbort()
      read()
    })
}

/** What a process without descriptors fails with, by its own or the whole machine's limit. */
const outOfDescriptors = new Set<unknown>(['EMFILE', 'ENFILE'])

export function unreachable(cause: unknown): ServiceError {
  if (outOfDescriptors.has((cause as { code?: unknown }).code))
    return new ServiceError('too_many_streams', 'This server has no room for another connection', {
      retryAfterSeconds: 5,
      cause,
    })
  return new ServiceError('upstream_unreachable', 'Cannot reach Ollama: is it running, and is OLLAMA_HOST right?', { cause })
}

export function broken(cause: unknown): ServiceError {
  return new ServiceError('upstream_failed', 'The connection to Ollama broke in the middle of its answer', { cause })
}
