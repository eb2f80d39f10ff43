import { build } from 'esbuild'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Writes the files for `workerd serve` to a new temporary folder. The caller must remove the
 * folder. Each entry of `bindings` becomes a text binding of the Worker.
 */
export async function writeWorkerdConfig(
  entry: URL,
  bindings: Record<string, string>,
): Promise<{ folder: string; config: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-workerd-'))
  const config = join(folder, 'config.capnp')
  const texts = Object.entries(bindings).map(
    ([name, text]) => `(name = ${JSON.stringify(name)}, text = ${JSON.stringify(text)})`,
  )
  await writeFile(join(folder, 'worker.js'), await bundleOnce(entry))
  await writeFile(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const main :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = "2026-10-01",
  compatibilityFlags = ["enable_request_signal"],
  globalOutbound = "internet",
  bindings = [${texts.join(', ')}],
);
`,
  )
  return { folder, config }
}

/**
 * The cached bundles, by the URL of their entry file. A test suite starts many Workers from one
 * entry file.
 */
const bundles = new Map<string, Promise<Uint8Array>>()

function bundleOnce(entry: URL): Promise<Uint8Array> {
  const bundled = bundles.get(entry.href) ?? bundle(entry)
  bundles.set(entry.href, bundled)
  return bundled
}

/** Bundles a Worker into one file, as wrangler does. */
async function bundle(entry: URL): Promise<Uint8Array> {
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
