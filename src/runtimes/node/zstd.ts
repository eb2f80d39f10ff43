import { Duplex } from 'node:stream'
import { constants, createZstdDecompress } from 'node:zlib'
import type { Decompression } from '../../middleware/codings.ts'

/** HTTP allows a window of 8 MiB, and a larger one costs its memory before a byte has come out (RFC 9659). */
const params = { [constants.ZSTD_d_windowLogMax]: 23 }

/** Node's `DecompressionStream` has no zstd, its zlib has. */
export function zstdOfNode(): Decompression {
  return Duplex.toWeb(createZstdDecompress({ params })) as Decompression
}
