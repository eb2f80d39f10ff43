import { ServiceError } from '../errors.ts'
import type { Decompression } from './codings.ts'

/** Deflate expands one byte to at most 1032 bytes. */
const largestRatio = 1032

/**
 * The smallest piece of input that is decoded in one step, in bytes. Because of this minimum, the
 * output may exceed the limit by about 64 KiB.
 */
const smallestPiece = 64

/**
 * Decodes a body, and stops at the limit, so that a decompression bomb costs no more than an
 * ordinary body.
 * @throws ServiceError `body_too_large` above the limit, `invalid_json` if the bytes are corrupt or
 * incomplete
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
      // workerd decodes each piece as soon as it is written, even if nobody reads the output
      // (docs/hazards.md#85). So each piece is small enough that its output fits into the rest of
      // the limit. The output is read before the next piece is written.
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
    // No cause is passed, because the error of the runtime may quote the body.
    throw new ServiceError('invalid_json', 'Cannot decode the body: it is broken, or cut off before its end')
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer())
}
