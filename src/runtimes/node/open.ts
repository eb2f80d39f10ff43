import type { HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Context } from 'hono'
import type { Socket } from 'node:net'
import { finished } from 'node:stream'
import type { Open } from '../../relay/sink.ts'

/** What the server passes to the app with each request. */
export interface NodeBindings extends HttpBindings {
  /** Sends the head of a streaming response, and the frames that were written before. */
  sendHead?: (response: Response) => void
}

/**
 * Frames longer than this, in UTF-16 units, are written as bytes, because a string would be copied
 * once more.
 */
const longLength = 4096

/**
 * Writes to Node's `ServerResponse`, or past it. Most frames are written directly to the socket,
 * each as an HTTP chunk in one string, which saves a quarter of the cost of a token
 * (docs/hazards.md#67). So no middleware may transform the body. The adapter gets no stream from
 * the app, because such a stream would keep 6 KB in memory for each reader.
 *
 * Unlike `streamSSE`, this sink can close the socket of a reader that reads nothing
 * (docs/hazards.md#45), and can tell when the reader has received everything.
 */
export const openOnNode: Open = Object.assign(open, {
  // In HTTP/1.0 a body ends when the connection closes, so a cut looks like a clean end
  // (docs/hazards.md#84).
  canCut: (c: Context) => (c.env as HttpBindings).incoming.httpVersion !== '1.0',
})

/** Makes `fetch` send the heads of the responses that `openOnNode` has opened. */
export function withHeads(fetch: (request: Request, bindings: object) => Response | Promise<Response>) {
  return async (request: Request, bindings: object): Promise<Response> => {
    const response = await fetch(request, bindings)
    const { sendHead } = bindings as NodeBindings
    if (!sendHead) return response
    sendHead(response)
    return RESPONSE_ALREADY_SENT
  }
}

function open(...[c, headers, onLeave]: Parameters<Open>): ReturnType<Open> {
  const bindings = c.env as NodeBindings
  const { outgoing } = bindings
  let drained: PromiseWithResolvers<void> | undefined
  /** The frames that were written before the head. */
  let waiting = ''
  let isEnded = false

  bindings.sendHead = (response) => {
    if (outgoing.destroyed) return
    outgoing.writeHead(response.status, Object.fromEntries(response.headers))
    outgoing.flushHeaders()
    if (waiting !== '') void sink.write(waiting)
    waiting = ''
    if (isEnded) outgoing.end()
  }
  outgoing.once('close', () => {
    onDrain()
    if (!isEnded) onLeave()
  })

  function onDrain() {
    drained?.resolve()
    drained = undefined
  }

  /** Returns false when the socket is full, as `writeToSocket` does. */
  function writeToResponse(frames: string): boolean {
    const bytes = Buffer.from(frames)
    sink.bytesWritten += bytes.byteLength
    return outgoing.write(bytes)
  }

  function writeToSocket(frames: string, socket: Socket): boolean {
    const byteLength = Buffer.byteLength(frames)
    sink.bytesWritten += byteLength
    // In ASCII both encodings are the same bytes, and Node writes latin1 faster.
    const encoding = byteLength === frames.length ? 'latin1' : 'utf8'
    return socket.write(outgoing.chunkedEncoding ? `${byteLength.toString(16)}\r\n${frames}\r\n` : frames, encoding)
  }

  const sink = {
    bytesWritten: 0,
    write(frames: string): void | Promise<void> {
      if (outgoing.destroyed || outgoing.writableEnded) return
      if (!outgoing.headersSent) return void (waiting += frames)
      // With pipelining, there is no socket while an earlier response on the connection is not
      // finished.
      const { socket } = outgoing
      if (socket && frames.length <= longLength ? writeToSocket(frames, socket) : writeToResponse(frames)) return
      if (!drained) (socket ?? outgoing).once('drain', onDrain)
      drained ??= Promise.withResolvers()
      return drained.promise
    },
    end(): Promise<void> {
      isEnded = true
      if (outgoing.headersSent) outgoing.end()
      return new Promise((resolve) => finished(outgoing, () => resolve()))
    },
    cut: () => void outgoing.destroy(),
  }
  return { response: c.body(null, 200, { ...headers }), sink }
}
