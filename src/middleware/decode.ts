import { ServiceError } from '../errors.ts'
import type { Decompression } from './codings.ts'

/** Deflate makes 1032 bytes of one at most. */
const largestRatio = 1032

/** The smallest piece that is decoded at once: what may come out beyond the limit is 64 KiB. */
const smallestPiece = 64

/**
 * Decodes a body, and stops at the limit: a bomb costs no more than an honest body.
 * @throws ServiceError `body_too_large` past the limit, `invalid_json` if the bytes are broken or cut
 */
export async function decode(
  bytes: Uint8Array<ArrayBuffer>,
  decompression: Decompression,
  maxBytes: number,
): Promise<Uint8Array> {
  const chunks: Uint8Array<ArrayBuffer>[] = []
  let at = 0
  let decoded = 0
  const pieces = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      // workerd decodes all that it is given at once, however slowly it is read (hazard 85): it gets no
      // more than what is left of the limit, and what came out of that is read before the next piece.
      async pull(controller) {
        if (at > 0) await new Promise((resolve) => setTimeout(resolve))
        const end = at + Math.max(smallestPiece, Math.floor((maxBytes - decoded) / largestRatio))
        controller.enqueue(bytes.subarray(at, end))
        at = end
        if (at >= bytes.byteLength) controller.close()
      },
    },
    { highWaterMark: 0 },
  )
  try {
    for await (const chunk of pieces.pipeThrough(decompression)) {
      decoded += chunk.byteLength
      if (decoded > maxBytes) throw new ServiceError('body_too_large', `The decoded body is longer than ${maxBytes} bytes`)
      chunks.push(chunk)
    }
  } catch (error) {
    if (error instanceof ServiceError) throw error
    // No cause: the error of a runtime may quote the body.
    throw new ServiceError('invalid_json', 'Cannot decode the body: it is broken, or cut off before its end')
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer())
}
