import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundleWorker } from './bundle-worker.ts'

/**
 * Writes the files for `workerd serve` to a new temporary folder, which the caller removes.
 * `bindings` become text bindings.
 */
export async function writeWorkerdConfig(
  entry: URL,
  bindings: Record<string, string>,
): Promise<{ folder: string; config: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-'))
  const config = join(folder, 'config.capnp')
  const texts = Object.entries(bindings).map(
    ([name, text]) => `(name = ${JSON.stringify(name)}, text = ${JSON.stringify(text)})`,
  )
  await writeFile(join(folder, 'worker.js'), await bundleWorker(entry))
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
