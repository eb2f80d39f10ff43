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
 * Returns the codings that this runtime can decode. Each format is tried, because
 * `DecompressionStream` reports an unsupported format only by throwing. The parameter `zstd`
 * creates the decoder if `DecompressionStream` does not support zstd. Codings that are not in `safe`
 * are left out.
 */
export function toCodings(zstd: (() => Decompression) | undefined, safe: readonly string[] = Object.keys(formats)): Codings {
  const codings = new Map<string, () => Decompression>(zstd && safe.includes('zstd') ? [['zstd', zstd]] : [])
  for (const [coding, format] of Object.entries(formats)) {
    if (!safe.includes(coding)) continue
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
