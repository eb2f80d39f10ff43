import http from 'node:http'
import https from 'node:https'
import { finished, pipeline, Readable } from 'node:stream'
import type { ReadableStream as NodeReadableStream } from 'node:stream/web'
import {
  broken,
  turnBytes,
  unreachable,
  type Connect,
  type UpstreamRequest,
  type UpstreamResponse,
} from '../../upstreams/connect.ts'
import { createTurns } from './turns.ts'

/**
 * Over `node:http`, not `fetch`: no 300-second limit (hazard 15), and its `data` events push, for half the CPU of awaited reads. The
 * deadlines are the relay's. Same contract as `viaFetch`.
 */
export function viaHttp(): Connect {
  const later = createTurns()
  const agents = { http: new http.Agent({ keepAlive: true }), https: new https.Agent({ keepAlive: true }) }

  return async ({ method, url, headers, body }, signal) => {
    signal.throwIfAborted()
    const isTls = url.startsWith('https:')
    const request = isTls
      ? https.request(url, { method, headers: withLength(headers, body), agent: agents.https })
      : http.request(url, { method, headers: withLength(headers, body), agent: agents.http })
    const response = toResponse(request, signal, later)
    if (typeof body === 'object') pipeline(Readable.fromWeb(body as NodeReadableStream), request, () => {}) // its failure is the request's
    else request.end(body)
    return response
  }
}

/** A function of its own: its closures live as long as the stream does, and must not keep what was asked. */
function toResponse(
  request: http.ClientRequest,
  signal: AbortSignal,
  later: (step: () => void) => void,
): Promise<UpstreamResponse> {
  return new Promise((resolve, reject) => {
    const abort = () => request.destroy()
    signal.addEventListener('abort', abort)
    request.on('close', () => signal.removeEventListener('abort', abort))
    request.on('error', (cause) => reject(signal.aborted ? (signal.reason as Error) : unreachable(cause)))
    request.on('upgrade', (_response, socket) => {
      socket.destroy() // without an error: nobody listens to this socket any more, and one would end the process
      reject(unreachable(new Error('Ollama asked for another protocol')))
    })
    request.on('response', (response) => {
      resolve({
        status: response.statusCode ?? 0,
        headers: toHeaders(response),
        flow: (take) => flow(response, take, signal, later),
      })
    })
  })
}

function withLength(headers: Readonly<Record<string, string>>, body: UpstreamRequest['body']): http.OutgoingHttpHeaders {
  return typeof body !== 'string' ? { ...headers } : { ...headers, 'content-length': Buffer.byteLength(body) }
}

function toHeaders({ headersDistinct }: http.IncomingMessage): Headers {
  return new Headers(
    Object.entries(headersDistinct).flatMap(([name, values = []]) => values.map((value): [string, string] => [name, value])),
  )
}

/**
 * Ollama flushes each line in an HTTP chunk of its own, and each is a `data` event: those of one read of the socket are taken together, in
 * the microtask behind it. A source that always has data lets others run: libuv reads one socket up to 32 times before the next.
 */
function flow(
  response: http.IncomingMessage,
  take: (bytes: Uint8Array) => void | Promise<void>,
  signal: AbortSignal,
  later: (step: () => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let pieces: Buffer[] = []
    let bytesOfTurn = 0
    const resume = () => void response.resume()

    function flush() {
      const [first] = pieces
      if (!first) return
      const bytes = pieces.length === 1 ? first : Buffer.concat(pieces)
      pieces = []
      bytesOfTurn += bytes.byteLength
      const full = take(bytes)
      if (!full && bytesOfTurn < turnBytes) return
      bytesOfTurn = 0
      response.pause()
      if (full) void full.then(() => later(resume))
      else later(resume)
    }
    response.on('data', (bytes: Buffer) => {
      if (pieces.push(bytes) === 1) queueMicrotask(flush)
    })
    finished(response, (error) => {
      flush()
      if (!error) resolve()
      else reject(signal.aborted ? (signal.reason as Error) : broken(error))
    })
  })
}
