import { Duplex } from 'node:stream'
import { constants, createZstdDecompress } from 'node:zlib'
import type { Decompression } from '../../middleware/codings.ts'

/**
 * Limits the window to 8 MiB, the largest that HTTP allows (RFC 9659). A larger window would be
 * allocated before the first byte is decoded.
 */
const params = { [constants.ZSTD_d_windowLogMax]: 23 }

/** Node's zlib can decode zstd, but Node's `DecompressionStream` cannot. */
export function zstdOfNode(): Decompression {
  return Duplex.toWeb(createZstdDecompress({ params })) as Decompression
}
