/** A transform stream from compressed bytes to decoded bytes. */
export type Decompression = ReadableWritablePair<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>

/**
 * Maps the name of each content coding, as in `Accept-Encoding`, to a function that creates a
 * decoder.
 */
export type Codings = ReadonlyMap<string, () => Decompression>

/**
 * The content codings that Sluice supports, with their names in `DecompressionStream` (RFC 9110
 * §8.4.1, RFC 7932, RFC 8878).
 */
const formats = { gzip: 'gzip', deflate: 'deflate', br: 'brotli', zstd: 'zstd' }

/**
 * Returns the codings that the `DecompressionStream` of this runtime can decode. Each format is
 * tried, because `DecompressionStream` reports an unsupported format only by throwing.
 */
export function toCodings(): Codings {
  const codings = new Map<string, () => Decompression>()
  for (const [coding, format] of Object.entries(formats)) {
    const start = () => new DecompressionStream(format as CompressionFormat)
    try {
      start()
      codings.set(coding, start)
    } catch {
      // This runtime does not support the format.
    }
  }
  return codings
}
