/** Compressed bytes in, decoded bytes out. */
export type Decompression = ReadableWritablePair<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>

/** What decodes each content coding of a request; its names are those of `Accept-Encoding`. */
export type Codings = ReadonlyMap<string, () => Decompression>

/** The codings that we know, and what `DecompressionStream` calls them (RFC 9110 §8.4.1, RFC 7932, RFC 8878). */
const formats = { gzip: 'gzip', deflate: 'deflate', br: 'brotli', zstd: 'zstd' }

/**
 * The codings that this runtime can decode. What `DecompressionStream` knows is told by its errors
 * alone. `zstd` decodes that coding where it does not.
 */
export function toCodings(zstd: (() => Decompression) | undefined): Codings {
  const codings = new Map<string, () => Decompression>(zstd && [['zstd', zstd]])
  for (const [coding, format] of Object.entries(formats)) {
    const start = () => new DecompressionStream(format as CompressionFormat)
    try {
      start()
      codings.set(coding, start)
    } catch {
      // It is not known here.
    }
  }
  return codings
}
