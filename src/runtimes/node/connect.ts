import http from 'node:http'
import https from 'node:https'
import { finished } from 'node:stream'
import { broken, turnBytes, unreachable, type Connect } from '../../upstreams/connect.ts'

/**
 * Over `node:http`, not `fetch`: no 300-second limit (hazard 15), and its `data` events push, for half the CPU of awaited reads. The
 * deadlines are the relay's. Same contract as `viaFetch`.
 */
export function viaHttp(): Connect {
  const agents = { http: new http.Agent({ keepAlive: true }), https: new https.Agent({ keepAlive: true }) }

  return ({ method, url, headers, body }, signal) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted()
      const isTls = url.startsWith('https:')
      const request = isTls
        ? https.request(url, { method, headers: withLength(headers, body), agent: agents.https })
        : http.request(url, { method, headers: withLength(headers, body), agent: agents.http })
      const abort = () => request.destroy()
      signal.addEventListener('abort', abort)
      request.on('close', () => signal.removeEventListener('abort', abort))
      request.on('error', (cause) => reject(signal.aborted ? (signal.reason as Error) : unreachable(cause)))
      request.on('upgrade', (_response, socket) => socket.destroy(new Error('Ollama asked for another protocol')))
      request.on('response', (response) => {
        resolve({
          status: response.statusCode ?? 0,
          headers: toHeaders(response),
          flow: (take) => flow(response, take, signal),
        })
      })
      request.end(body)
    })
}

function withLength(headers: Readonly<Record<string, string>>, body: string | undefined): http.OutgoingHttpHeaders {
  return body === undefined ? { ...headers } : { ...headers, 'content-length': Buffer.byteLength(body) }
}

function toHeaders({ headersDistinct }: http.IncomingMessage): Headers {
  return new Headers(
    Object.entries(headersDistinct).flatMap(([name, values = []]) => values.map((value): [string, string] => [name, value])),
  )
}

function flow(
  response: http.IncomingMessage,
  take: (bytes: Uint8Array) => void | Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let bytesOfTurn = 0
    const resume = () => void response.resume()
    finished(response, (error) => {
      if (!error) resolve()
      else reject(signal.aborted ? (signal.reason as Error) : broken(error))
    })
    response.on('data', (bytes: Buffer) => {
      bytesOfTurn += bytes.byteLength
      const full = take(bytes)
      if (full) {
        response.pause()
        void full.then(resume)
      } else if (bytesOfTurn >= turnBytes) {
        // libuv reads one socket up to 32 times before it looks at the next one.
        response.pause()
        setImmediate(resume)
      } else return
      bytesOfTurn = 0
    })
  })
}
