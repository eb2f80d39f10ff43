import { gzipSync } from 'node:zlib'

/**
 * Returns the size of the Worker's own code, gzipped, in bytes. The files for browsers do not count,
 * because they are not code. The bundle contains them as gzip in base64, and the Worker decodes a
 * file only when a browser requests it.
 */
export function toCodeBytes(bundle: string): number {
  return toGzippedBytes(bundle.replaceAll(/"H4sI[\w+/=]*"/g, '""'))
}

/** Returns the size of a text, gzipped, in bytes. */
export function toGzippedBytes(text: string): number {
  return gzipSync(text, { level: 9 }).length
}
