import { toCodings, type Codings } from '../../middleware/codings.ts'

/**
 * The content codings that Deno decodes within a limit. Its `DecompressionStream` decodes a bomb in
 * brotli at once, and its zlib ends the process at one in zstd (docs/hazards.md#123).
 */
export function codingsOfDeno(): Codings {
  return new Map([...toCodings()].filter(([name]) => name === 'gzip' || name === 'deflate'))
}
