import type { Context } from 'hono'
import type { Open } from '../../relay/sink.ts'

/** A native pipe of workerd. No JavaScript runs between its two ends. */
declare class IdentityTransformStream extends TransformStream<Uint8Array, Uint8Array> {
  constructor(options: {
    /** In bytes. */
    highWaterMark: number
  })
}

/** A sink is full when this many bytes wait. */
const waitingBytes = 16_384

/**
 * The error that breaks off a response. workerd treats a `retryable` error as a lost connection,
 * and logs any other error.
 */
const cutting = Object.assign(new Error('The reader was cut'), { retryable: true })

const utf8 = new TextEncoder()
const ignore = () => {}

/**
 * Writes to one native pipe, while `streamSSE` uses two streams made of JavaScript. On workerd this
 * function costs three quarters as much CPU as `streamSSE`. It can also break off a response, which
 * `streamSSE` cannot (docs/hazards.md#55).
 */
export const openOnWorker: Open = Object.assign(open, {
  // In HTTP/1.0 a body ends when the connection closes, so a cut looks like a clean end
  // (docs/hazards.md#84). Only Cloudflare reports the version of HTTP. An unknown version is
  // assumed to be later than 1.0.
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
