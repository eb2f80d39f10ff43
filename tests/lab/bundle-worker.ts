import { build } from 'esbuild'
import { fileURLToPath } from 'node:url'

/** Bundles a Worker into one file, as wrangler does. */
export async function bundleWorker(entry: URL): Promise<Uint8Array> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(entry)],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2024',
    platform: 'browser',
    mainFields: ['browser', 'module', 'main'],
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*', 'node:*'],
    logLevel: 'error',
  })
  const [file] = outputFiles
  if (!file) throw new Error(`Cannot bundle ${entry.pathname}: esbuild wrote nothing`)
  return file.contents
}
