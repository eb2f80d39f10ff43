import { toRequestHead } from '../../http1/request-head.ts'
import type { UpstreamRequest } from '../connect.ts'
import type { Wire } from './wire.ts'

const utf8 = new TextEncoder()

/**
 * Writes a request. Returns the upload of a body that is a stream. It is sent in chunks, as fast
 * as the kernel takes them.
 */
export function writeRequest(
  wire: Wire,
  { host, pathname }: URL,
  { method, headers, body }: Omit<UpstreamRequest, 'url'>,
): Upload | undefined {
  const head = { method, path: pathname, headers: { host, ...headers } }
  if (body === undefined) {
    wire.write(toRequestHead(head))
    return undefined
  }
  if (typeof body === 'string') {
    const bytes = utf8.encode(body)
    wire.write(toRequestHead({ ...head, body: bytes.byteLength }))
    wire.write(bytes)
    return undefined
  }
  wire.write(toRequestHead({ ...head, body: 'chunked' }))
  return createUpload(wire, body)
}

/** The sending of a body. */
export interface Upload {
  onDrain(): void
  /** Rejects if the stream breaks. Resolves when everything is sent, or after `stop`. */
  readonly ended: Promise<void>
  /** Sends nothing more. */
  stop(): void
}

function createUpload(wire: Wire, body: ReadableStream<Uint8Array>): Upload {
  const reader = body.getReader()
  let room: PromiseWithResolvers<void> | undefined
  let isStopped = false

  async function run() {
    for (;;) {
      const { done, value } = await reader.read()
      if (isStopped) return
      if (done) return void wire.write('0\r\n\r\n')
      if (value.byteLength === 0) continue // an empty chunk would end the body
      wire.write(`${value.byteLength.toString(16)}\r\n`)
      wire.write(value)
      if (wire.write('\r\n')) continue
      room = Promise.withResolvers()
      await room.promise
    }
  }
  return {
    ended: run(),
    onDrain: () => room?.resolve(),
    stop() {
      isStopped = true
      room?.resolve()
      reader.cancel().catch(() => {}) // it may be broken already
    },
  }
}
