import http from 'node:http'
import https from 'node:https'
import { finished, pipeline, Readable } from 'node:stream'
import type { ReadableStream as NodeReadableStream } from 'node:stream/web'
import {
  broken,
  connectTimedOut,
  turnBytes,
  unreachable,
  type Connect,
  type UpstreamRequest,
  type UpstreamResponse,
} from '../../upstreams/connect.ts'
import { createTurns } from '../turns.ts'

export interface ViaHttpOptions extends Pick<http.AgentOptions, 'proxyEnv'> {
  /** How long a connection may take to open, in milliseconds. 0 means no limit. */
  connectTimeoutMs?: number
}

/**
 * A `Connect` that uses `node:http`, because Node's `fetch` times out after 300 seconds
 * (docs/hazards.md#15). Besides, the `data` events of `node:http` cost half the CPU of awaited
 * reads. There is no timeout here, because the relay enforces the deadlines. For a caller,
 * `viaHttp` behaves like `viaFetch`.
 */
export function viaHttp({ connectTimeoutMs = 0, ...options }: ViaHttpOptions = {}): Connect {
  const defer = createTurns()
  const keeping = { keepAlive: true, ...options }
  const agents = { http: new http.Agent(keeping), https: new https.Agent(keeping) }

  return async ({ method, url, headers, body }, signal) => {
    signal.throwIfAborted()
    const isTls = url.startsWith('https:')
    const request = isTls
      ? https.request(url, { method, headers: withLength(headers, body), agent: agents.https })
      : http.request(url, { method, headers: withLength(headers, body), agent: agents.http })
    if (connectTimeoutMs > 0) limitConnecting(request, connectTimeoutMs)
    const response = toResponse(request, signal, defer)
    // The callback does nothing, because a failure of the body also fails the request.
    if (typeof body === 'object') pipeline(Readable.fromWeb(body as NodeReadableStream), request, () => {})
    else request.end(body)
    return response
  }
}

/**
 * Ends a request if its connection does not open in time. A connection that is used again is open.
 */
function limitConnecting(request: http.ClientRequest, timeoutMs: number) {
  request.on('socket', (socket) => {
    if (!socket.connecting) return
    const timer = setTimeout(() => request.destroy(connectTimedOut(timeoutMs)), timeoutMs)
    const clear = () => clearTimeout(timer)
    socket.once('connect', clear).once('close', clear)
  })
}

/**
 * This is a separate function, because its closures live as long as the stream. They must not keep
 * the body of the request in memory (docs/hazards.md#81).
 */
function toResponse(
  request: http.ClientRequest,
  signal: AbortSignal,
  defer: (step: () => void) => void,
): Promise<UpstreamResponse> {
  return new Promise((resolve, reject) => {
    const abort = () => request.destroy()
    signal.addEventListener('abort', abort)
    request.on('close', () => signal.removeEventListener('abort', abort))
    request.on('error', (cause) => reject(signal.aborted ? (signal.reason as Error) : unreachable(cause)))
    request.on('upgrade', (_response, socket) => {
      // No error is passed to `destroy`. The socket has no error listener, so an error would end
      // the process.
      socket.destroy()
      reject(unreachable(new Error('Ollama asked for another protocol')))
    })
    request.on('response', (response) => {
      resolve({
        status: response.statusCode ?? 0,
        headers: toHeaders(response),
        flow: (onBytes) => flow(response, onBytes, signal, defer),
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
 * Passes the bytes of a response to `onBytes`. Ollama sends each line as an HTTP chunk, and Node
 * emits a `data` event for each chunk. A microtask joins the chunks that arrive in one read of the
 * socket. After `turnBytes`, the response is paused until a later turn. Otherwise, if it always had
 * data, libuv would read its socket up to 32 times before it reads the next socket.
 */
function flow(
  response: http.IncomingMessage,
  onBytes: (bytes: Uint8Array) => void | Promise<void>,
  signal: AbortSignal,
  defer: (step: () => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error)
    let pieces: Buffer[] = []
    let bytesOfTurn = 0
    const resume = () => void response.resume()

    function flushRead() {
      const [first] = pieces
      if (!first) return
      const bytes = pieces.length === 1 ? first : Buffer.concat(pieces)
      pieces = []
      bytesOfTurn += bytes.byteLength
      const drained = onBytes(bytes)
      if (!drained && bytesOfTurn < turnBytes) return
      bytesOfTurn = 0
      response.pause()
      if (drained) void drained.then(() => defer(resume))
      else defer(resume)
    }
    response.on('data', function onData(bytes: Buffer) {
      if (pieces.push(bytes) === 1) queueMicrotask(flushRead)
    })
    finished(response, (error) => {
      flushRead()
      if (!error) resolve()
      else reject(signal.aborted ? (signal.reason as Error) : broken(error))
    })
  })
}
