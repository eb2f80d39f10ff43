import type { Context } from 'hono'
import type { Open } from '../../relay/sink.ts'

/** workerd's own pipe: no JavaScript runs between its two ends. */
declare class IdentityTransformStream extends TransformStream<Uint8Array, Uint8Array> {
  constructor(options: {
    /** In bytes. */
    highWaterMark: number
  })
}

/** A sink is full when this many bytes wait. */
const waitingBytes = 16_384

/**
 * The error that breaks a response. workerd writes errors to its own log, except a `retryable`
 * one, which it takes for the loss of a connection.
 */
const cutting = Object.assign(new Error('The reader was cut'), { retryable: true })

const utf8 = new TextEncoder()
const ignore = () => {}

/**
 * Writes into one native pipe, while `streamSSE` has two streams made of JavaScript. This function
 * costs three quarters as much as `streamSSE` on workerd. It can also break the response of a
 * reader that is cut, and `streamSSE` cannot (docs/hazards.md#55).
 */
export const openOnWorker: Open = Object.assign(open, {
  // In HTTP/1.0 the end of the connection is the end of the body (docs/hazards.md#84). Only
  // Cloudflare tells the version of HTTP.
  canCut: ({ req }: Context) => (req.raw as CloudflareRequest).cf?.httpProtocol !== 'HTTP/1.0',
})

type CloudflareRequest = Request & { readonly cf?: { readonly httpProtocol?: string } }

function open(...[c, headers, onLeave]: Parameters<Open>): ReturnType<Open> {
  const { readable, writable } = new IdentityTransformStream({ highWaterMark: waitingBytes })
  const writer = writable.getWriter()
  let bytesWritten = 0
  writer.closed.catch((reason) => {
    if (reason !== cutting) onLeave()
  })
  return {
    response: c.body(readable, 200, { ...headers }),
    sink: {
      write(frames) {
        const bytes = utf8.encode(frames)
        bytesWritten += bytes.byteLength
        // This does not wait for `writer.ready`, because workerd replaces that promise while the
        // pipe is full, and never settles the old one.
        const written = writer.write(bytes).catch(ignore)
        return writer.desiredSize! > 0 ? undefined : written
      },
      end: () => writer.close().catch(ignore),
      cut: () => void writer.abort(cutting).catch(ignore),
      get bytesWritten() {
        return bytesWritten
      },
    },
  }
}
