import { Duplex } from 'node:stream'
import { constants, createZstdDecompress } from 'node:zlib'
import { toCodings, type Codings, type Decompression } from '../../middleware/codings.ts'

/**
 * Limits the window to 8 MiB, the largest that HTTP allows (RFC 9659). A larger window would be
 * allocated before the first byte is decoded.
 */
const params = { [constants.ZSTD_d_windowLogMax]: 23 }

/**
 * The content codings that Node decodes. Its zlib can decode zstd, but its `DecompressionStream`
 * cannot.
 */
export function codingsOfNode(): Codings {
  return new Map([...toCodings(), ['zstd', decodeZstd]])
}

function decodeZstd(): Decompression {
  return Duplex.toWeb(createZstdDecompress({ params })) as Decompression
}
