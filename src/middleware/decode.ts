import { ServiceError } from '../errors.ts'
import type { Decompression } from './codings.ts'

/** Deflate makes at most 1032 bytes of one byte. */
const largestRatio = 1032

/** The smallest piece that is decoded at once. At most 64 KiB come out beyond the limit. */
const smallestPiece = 64

/**
 * Decodes a body, and stops at the limit, so that a bomb costs no more than an honest body.
 * @throws ServiceError `body_too_large` past the limit, `invalid_json` if the bytes are broken or
 * cut
 */
export async function decode(
  bytes: Uint8Array<ArrayBuffer>,
  decompression: Decompression,
  maxBytes: number,
): Promise<Uint8Array> {
  const chunks: Uint8Array<ArrayBuffer>[] = []
  let offset = 0
  let decoded = 0
  const pieces = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      // workerd decodes at once all that it is given, however slowly it is read
      // (docs/hazards.md#85). So each piece can fill only the rest of the limit, and its output is
      // read before the next piece.
      async pull(controller) {
        if (offset > 0) await new Promise((resolve) => setTimeout(resolve))
        const end = offset + Math.max(smallestPiece, Math.floor((maxBytes - decoded) / largestRatio))
        controller.enqueue(bytes.subarray(offset, end))
        offset = end
        if (offset >= bytes.byteLength) controller.close()
      },
    },
    { highWaterMark: 0 },
  )
  try {
    for await (const chunk of pieces.pipeThrough(decompression)) {
      decoded += chunk.byteLength
      if (decoded > maxBytes)
        throw new ServiceError(
          'body_too_large',
          `The decoded body is longer than ${maxBytes} bytes, the limit of SLUICE_MAX_BODY_BYTES`,
        )
      chunks.push(chunk)
    }
  } catch (error) {
    if (error instanceof ServiceError) throw error
    // There is no cause, because a runtime's error may quote the body.
    throw new ServiceError('invalid_json', 'Cannot decode the body: it is broken, or cut off before its end')
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer())
}
