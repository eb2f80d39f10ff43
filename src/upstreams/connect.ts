import { ServiceError } from '../errors.ts'
import type { Flow } from '../generation.ts'

export interface UpstreamRequest {
  readonly method: 'GET' | 'POST'
  /** Absolute, and made of nothing but the configuration and a constant path. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
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
      response = await fetch(url, { method, headers, redirect: 'manual', signal, ...(body !== undefined && { body }) })
    } catch (cause) {
      signal.throwIfAborted()
      throw unreachable(cause)
    }
    return { status: response.status, headers: response.headers, flow: toFlow(response.body, signal) }
  }
}

function toFlow(body: ReadableStream<Uint8Array> | null, signal: AbortSignal): Flow<Uint8Array> {
  return async (take) => {
    if (!body) return
    const reader = body.getReader()
    // A `fetch` that is no network (the emulator) does not end its body by the signal alone.
    const cancel = () => void reader.cancel(signal.reason).catch(() => {})
    signal.addEventListener('abort', cancel)
    try {
      let bytesOfTurn = 0
      for (;;) {
        const { done, value } = await reader.read()
        signal.throwIfAborted()
        if (done) return
        const full = take(value)
        if (full) await full
        bytesOfTurn += value.byteLength
        if (bytesOfTurn >= turnBytes) {
          bytesOfTurn = 0
          await new Promise((resolve) => setTimeout(resolve, 0))
        }
      }
    } catch (cause) {
      signal.throwIfAborted()
      throw broken(cause)
    } finally {
      signal.removeEventListener('abort', cancel)
    }
  }
}

export function unreachable(cause: unknown): ServiceError {
  return new ServiceError('upstream_unreachable', 'Cannot reach Ollama: is it running, and is OLLAMA_HOST right?', { cause })
}

export function broken(cause: unknown): ServiceError {
  return new ServiceError('upstream_failed', 'The connection to Ollama broke in the middle of its answer', { cause })
}
