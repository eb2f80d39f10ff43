/** Compressed bytes in, decoded bytes out. */
export type Decompression = ReadableWritablePair<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>

/** A decoder for each content coding of a request. The names are those of `Accept-Encoding`. */
export type Codings = ReadonlyMap<string, () => Decompression>

/**
 * The codings that we know, with the names that `DecompressionStream` has for them
 * (RFC 9110 §8.4.1, RFC 7932, RFC 8878).
 */
const formats = { gzip: 'gzip', deflate: 'deflate', br: 'brotli', zstd: 'zstd' }

/**
 * The codings that this runtime can decode. They are tried, because only an error says that
 * `DecompressionStream` does not know a format. `zstd` decodes zstd where `DecompressionStream`
 * does not.
 */
export function toCodings(zstd: (() => Decompression) | undefined): Codings {
  const codings = new Map<string, () => Decompression>(zstd && [['zstd', zstd]])
  for (const [coding, format] of Object.entries(formats)) {
    const start = () => new DecompressionStream(format as CompressionFormat)
    try {
      start()
      codings.set(coding, start)
    } catch {
      // This runtime does not know the format.
    }
  }
  return codings
}
