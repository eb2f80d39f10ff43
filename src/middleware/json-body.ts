import { bodyLimit } from 'hono/body-limit'
import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../errors.ts'
import type { Env } from './env.ts'
import { parseJson } from './parse-json.ts'

/** Node cuts slow bodies by itself; Bun, workerd, and Node with management do not (F26). */
const defaultMaxMs = 30_000

/**
 * The body as a JSON object, whatever content type it comes with: `curl -d` says form-urlencoded, and the type must not decide whether
 * JSON is JSON. A GET's is empty, whatever came: Open WebUI sends content types there too.
 */
export function jsonBody({ maxBytes, maxMs = defaultMaxMs }: { maxBytes: number; maxMs?: number }) {
  const tooLarge = () => {
    throw new ServiceError('body_too_large', `The body is longer than ${maxBytes} bytes`)
  }
  const limitChunks = bodyLimit({ maxSize: maxBytes, onError: tooLarge })
  return createMiddleware<Env>(async (c, next) => {
    if (c.req.method === 'GET' || c.req.method === 'HEAD') {
      c.set('body', {})
      return next()
    }
    const encoding = c.req.header('content-encoding')?.trim().toLowerCase()
    if (encoding && encoding !== 'identity')
      throw new ServiceError('unsupported_encoding', 'Cannot read a compressed body; send it as it is')
    try {
      // Past Hono's own request, which would keep the bytes for as long as the answer lasts.
      const read = async () => c.set('body', parseJson(new Uint8Array(await c.req.raw.arrayBuffer())))
      // A length that is told needs no counting; and counting makes a whole Request on Node, which lives as long as its stream.
      const length = c.req.header('transfer-encoding') ? undefined : c.req.header('content-length')
      if (length === undefined) await within(maxMs, limitChunks(c, read))
      else if (Number(length) > maxBytes) tooLarge()
      else await within(maxMs, read())
    } catch (error) {
      if (error instanceof ServiceError || c.req.raw.signal.aborted) throw error
      // workerd calls us before it has seen the body's end, so that broken chunks are found here, and a reader that left, as the same. No
      // cause: nobody's error should have a stack in the log.
      throw new ServiceError('invalid_json', 'The body broke off before its end')
    }
    return next()
  })
}

/** @throws ServiceError if that takes longer */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new ServiceError('invalid_json', `The body took longer than ${ms / 1000} s`)), ms)
  })
  await Promise.race([work, late]).finally(() => clearTimeout(timer))
}
