import type { Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../errors.ts'
import { within } from '../within.ts'
import { toCodings, type Codings } from './codings.ts'
import { decode } from './decode.ts'
import type { Env } from './env.ts'
import { parseJson } from './parse-json.ts'

/**
 * The longest time for a body to arrive. Node has a limit of its own for slow bodies. Bun, workerd,
 * and Node with SLUICE_MANAGEMENT have none (docs/faults.md#F26).
 */
const defaultMaxMs = 30_000

export interface JsonBodyOptions {
  /** The size limit of a body in bytes, both before and after decoding. */
  maxBytes: number
  /** Returns the content codings that a body may have. By default, all of `DecompressionStream`. */
  findCodings?: (() => Codings) | undefined
  /** How long a body may take, in milliseconds. */
  maxMs?: number
}

/**
 * Parses the body as a JSON object. The content type is ignored, because `curl -d` sends JSON as
 * form-urlencoded. For a GET or HEAD, the result is an empty object, even if the request has a
 * content type. Open WebUI sends a content type with each GET.
 */
export function jsonBody({ maxBytes, findCodings = toCodings, maxMs = defaultMaxMs }: JsonBodyOptions) {
  let codings: Codings | undefined
  const tooLarge = () => {
    throw new ServiceError('body_too_large', `The body is longer than ${maxBytes} bytes, the limit of SLUICE_MAX_BODY_BYTES`)
  }
  const tooLate = () => {
    throw new ServiceError('invalid_json', `The body took longer than ${maxMs / 1000} s to arrive`)
  }
  const limitChunks = bodyLimit({ maxSize: maxBytes, onError: tooLarge })
  const toDecoder = (c: Context, coding: string) => {
    codings ??= findCodings() // created on first use, because it takes 4 ms on Node
    const start = codings.get(coding)
    if (start) return start
    const names = [...codings.keys()].join(', ')
    c.header('accept-encoding', names) // RFC 9110 §12.5.3
    throw new ServiceError(
      'unsupported_encoding',
      `Cannot decode this Content-Encoding; send the body as it is, or in one of: ${names}`,
    )
  }
  return createMiddleware<Env>(async (c, next) => {
    if (c.req.method === 'GET' || c.req.method === 'HEAD') {
      c.set('body', {})
      c.set('bodyBytes', 0)
      return next()
    }
    const coding = c.req.header('content-encoding')?.trim().toLowerCase() || 'identity'
    const start = coding === 'identity' ? undefined : toDecoder(c, coding)
    try {
      // The body is read from the raw request, because Hono's request would cache the bytes until
      // the answer ends.
      const read = async () => {
        const received = new Uint8Array(await c.req.raw.arrayBuffer())
        const bytes = start ? await decode(received, start(), maxBytes) : received
        c.set('body', parseJson(bytes))
        c.set('bodyBytes', bytes.byteLength)
      }
      // If the length is declared, the bytes need not be counted. On Node, counting creates a
      // complete `Request`, which stays in memory until the stream ends.
      const length = c.req.header('transfer-encoding') ? undefined : c.req.header('content-length')
      if (length === undefined) await within<unknown>(maxMs, limitChunks(c, read), tooLate)
      else if (Number(length) > maxBytes) tooLarge()
      else await within(maxMs, read(), tooLate)
    } catch (error) {
      if (error instanceof ServiceError || c.req.raw.signal.aborted) throw error
      // workerd calls the handler before it has received the whole body. So both invalid chunks and
      // a caller that disconnects cause an error here, and the two look the same. No cause is
      // passed, because the log needs no stack for a fault of the caller.
      throw new ServiceError('invalid_json', 'The connection broke off before the end of the body')
    }
    return next()
  })
}
