import type { Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../errors.ts'
import { within } from '../within.ts'
import { toCodings, type Codings, type Decompression } from './codings.ts'
import { decode } from './decode.ts'
import type { Env } from './env.ts'
import { parseJson } from './parse-json.ts'

/**
 * Node cuts slow bodies by itself. Bun, workerd, and Node with management do not
 * (docs/faults.md#F26).
 */
const defaultMaxMs = 30_000

export interface JsonBodyOptions {
  /** The largest body, both as it is sent and as it is decoded. */
  maxBytes: number
  /** Decodes zstd where the runtime's `DecompressionStream` does not. */
  zstd?: (() => Decompression) | undefined
  /** How long a body may take, in milliseconds. */
  maxMs?: number
}

/**
 * Reads the body as a JSON object. Its content type does not matter, because `curl -d` says
 * form-urlencoded, and the type must not decide whether JSON is JSON. The body of a GET counts as
 * empty, because Open WebUI sends content types there too.
 */
export function jsonBody({ maxBytes, zstd, maxMs = defaultMaxMs }: JsonBodyOptions) {
  let codings: Codings | undefined
  const tooLarge = () => {
    throw new ServiceError('body_too_large', `The body is longer than ${maxBytes} bytes, the limit of SLUICE_MAX_BODY_BYTES`)
  }
  const tooLate = () => {
    throw new ServiceError('invalid_json', `The body took longer than ${maxMs / 1000} s to arrive`)
  }
  const limitChunks = bodyLimit({ maxSize: maxBytes, onError: tooLarge })
  const toDecoder = (c: Context, coding: string) => {
    codings ??= toCodings(zstd) // made late, because it takes 4 ms on Node and few bodies have a coding
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
      return next()
    }
    const coding = c.req.header('content-encoding')?.trim().toLowerCase() || 'identity'
    const start = coding === 'identity' ? undefined : toDecoder(c, coding)
    try {
      // This reads past Hono's request, which would keep the bytes for as long as the answer lasts.
      const read = async () => {
        const bytes = new Uint8Array(await c.req.raw.arrayBuffer())
        c.set('body', parseJson(start ? await decode(bytes, start(), maxBytes) : bytes))
      }
      // A declared length needs no counting. On Node, counting makes a whole Request, which lives
      // as long as its stream.
      const length = c.req.header('transfer-encoding') ? undefined : c.req.header('content-length')
      if (length === undefined) await within<unknown>(maxMs, limitChunks(c, read), tooLate)
      else if (Number(length) > maxBytes) tooLarge()
      else await within(maxMs, read(), tooLate)
    } catch (error) {
      if (error instanceof ServiceError || c.req.raw.signal.aborted) throw error
      // workerd calls us before it has seen the end of the body. So broken chunks are found here,
      // and a reader that left looks the same. There is no cause, because this is not our fault,
      // and the log must have no stack for it.
      throw new ServiceError('invalid_json', 'The connection broke off before the end of the body')
    }
    return next()
  })
}
