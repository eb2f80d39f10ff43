import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const bun = fileURLToPath(new URL('../node_modules/bun/bin/bun.exe', import.meta.url))
const script = fileURLToPath(new URL('gzip.bun.ts', import.meta.url))

/** Gzips texts as small as gzip can be, each into base64: with libdeflate, which comes with Bun, they are 4 % smaller than with zlib. */
export async function gzip(texts: readonly string[]): Promise<string[]> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const { stdin } = execFile(bun, [script], { maxBuffer: 16 * 1024 * 1024 }, (error, output) =>
    error ? reject(new Error('Cannot gzip: Bun does not run, see `npm rebuild bun`', { cause: error })) : resolve(output),
  )
  stdin!.on('error', () => {}) // The end of the process tells.
  stdin!.end(JSON.stringify(texts))
  return JSON.parse(await promise) as string[]
}
