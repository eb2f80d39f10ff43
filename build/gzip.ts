import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const bun = fileURLToPath(new URL('../node_modules/bun/bin/bun.exe', import.meta.url))
const script = fileURLToPath(new URL('gzip.bun.ts', import.meta.url))

/**
 * Gzips each text into base64. Bun brings libdeflate, whose output is 4 % smaller than zlib's.
 * @throws Error if Bun does not run
 */
export async function gzip(texts: readonly string[]): Promise<string[]> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const { stdin } = execFile(bun, [script], { maxBuffer: 16 * 1024 * 1024 }, (error, output) =>
    error ? reject(new Error('Cannot gzip: Bun does not run, see `npm rebuild bun`', { cause: error })) : resolve(output),
  )
  // If Bun dies, the callback of `execFile` gets the error.
  stdin!.on('error', () => {})
  stdin!.end(JSON.stringify(texts))
  return JSON.parse(await promise) as string[]
}
