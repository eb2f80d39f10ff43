/**
 * The content codings that Deno decodes within a limit. Its `DecompressionStream` decodes a bomb in
 * brotli at once, and its zlib ends the process at one in zstd (docs/hazards.md#123).
 */
export const codingsOfDeno: readonly string[] = ['gzip', 'deflate']
