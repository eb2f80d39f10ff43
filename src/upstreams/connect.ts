import { ServiceError } from '../errors.ts'
import type { Flow } from '../generation.ts'

export interface UpstreamRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'DELETE'
  /** An absolute URL. The digest of a blob is the only part that can come from a reader. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** A stream is sent with chunked encoding, as fast as the upstream accepts it. */
  readonly body?: string | ReadableStream<Uint8Array>
}

export interface UpstreamResponse {
  readonly status: number
  readonly headers: Headers
  /**
   * Emits the bytes of the body. Rejects with a ServiceError `upstream_failed` if the connection
   * breaks, or with the signal's reason once the signal aborts.
   */
  readonly flow: Flow<Uint8Array>
}

/**
 * Sends a request. Resolves with the head of the response, and does not follow redirects. The
 * signal aborts the exchange at any point, even while the body arrives.
 * @throws ServiceError `upstream_unreachable`; the signal's reason once it aborts
 */
export type Connect = (request: UpstreamRequest, signal: AbortSignal) => Promise<UpstreamResponse>

/**
 * After this many bytes in a row, a source pauses so that other sources can run. Otherwise, a
 * source that always has data would block the others (docs/hazards.md#44).
 */
export const turnBytes = 65_536

/** The portable `Connect`, which uses `fetch`. */
export function viaFetch(fetch: (url: string, init: RequestInit) => Promise<Response>): Connect {
  return async ({ method, url, headers, body }, signal) => {
    let response: Response
    try {
      response = await fetch(url, { method, headers, redirect: 'manual', signal, ...toBodyInit(body) })
    } catch (cause) {
      signal.throwIfAborted()
      throw cause instanceof ServiceError ? cause : unreachable(cause)
    }
    return { status: response.status, headers: response.headers, flow: toFlow(response.body, signal) }
  }
}

/** `fetch` requires `duplex` for a stream, but its types do not include `duplex`. */
function toBodyInit(body: UpstreamRequest['body']): RequestInit & { duplex?: 'half' } {
  if (body === undefined) return {}
  return typeof body === 'string' ? { body } : { body, duplex: 'half' }
}

/**
 * Makes a flow from a body. The loop uses callbacks instead of `await`. So a piece costs only the
 * promise of `reader.read()`, as long as nothing pauses the flow (docs/performance.md).
 */
function toFlow(body: ReadableStream<Uint8Array> | null, signal: AbortSignal): Flow<Uint8Array> {
  return (onBytes) =>
    new Promise((resolve, reject) => {
      if (!body) return resolve()
      const reader = body.getReader()
      let bytesOfTurn = 0
      let isAborted = false // a copy, because reading `signal.aborted` is expensive on workerd

      const read = () => void reader.read().then(onRead, onError)
      function onRead({ done, value }: ReadableStreamReadResult<Uint8Array>) {
        if (isAborted || done) return end()
        const drained = onBytes(value)
        bytesOfTurn += value.byteLength
        if (drained) return void drained.then(read)
        if (bytesOfTurn < turnBytes) return read()
        bytesOfTurn = 0
        setTimeout(read, 0)
      }
      function onError(cause: unknown) {
        end(broken(cause))
      }
      function onAbort() {
        isAborted = true
        // The signal alone does not end a body that does not come from a network, such as a
        // response of the emulator.
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

/**
 * The error codes that mean that no file descriptor is free. `EMFILE` is the limit of the process,
 * and `ENFILE` is the limit of the machine.
 */
const outOfDescriptors = new Set<unknown>(['EMFILE', 'ENFILE'])

/** The error of a connection that could not be opened. */
export function unreachable(cause: unknown): ServiceError {
  if (outOfDescriptors.has((cause as { code?: unknown }).code))
    return new ServiceError('too_many_streams', 'This server has no free descriptor for another connection; try again in 5 s', {
      retryAfterSeconds: 5,
      cause,
    })
  return new ServiceError(
    'upstream_unreachable',
    'Cannot reach Ollama: is it running, and is OLLAMA_HOST or OLLAMA_HOSTS right?',
    { cause },
  )
}

/**
 * The cause of a connection that does not open in time. The machine may sleep: then nobody refuses
 * the connection, and the kernel alone would try for minutes.
 */
export function connectTimedOut(timeoutMs: number): Error {
  return Object.assign(new Error(`Cannot connect: no answer within ${timeoutMs} ms`), { code: 'ETIMEDOUT' })
}

/** The error of a connection that broke while the answer arrived. */
export function broken(cause: unknown): ServiceError {
  return new ServiceError('upstream_failed', 'The connection to Ollama broke in the middle of its answer; ask again', { cause })
}
