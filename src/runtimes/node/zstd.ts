import { Duplex } from 'node:stream'
import { constants, createZstdDecompress } from 'node:zlib'
import type { Decompression } from '../../middleware/codings.ts'

/**
 * HTTP allows a window of 8 MiB (RFC 9659). A larger window would cost its memory before a byte
 * has come out.
 */
const params = { [constants.ZSTD_d_windowLogMax]: 23 }

/** Node's zlib can decode zstd, but Node's `DecompressionStream` cannot. */
export function zstdOfNode(): Decompression {
  return Duplex.toWeb(createZstdDecompress({ params })) as Decompression
}
