import { build } from 'esbuild'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface WorkerdOptions {
  /**
   * Where the Durable Objects keep their data: in the memory of workerd, or in a folder on the disk.
   * workerd's memory forgets an object that nobody has used for 10 s.
   * By default, the Worker has no Durable Objects.
   */
  objects?: 'memory' | { readonly folder: string }
  /** The address of a server that is the KV namespace API_KEYS, such as `127.0.0.1:8000`. */
  kv?: string
}

/**
 * Writes the files for `workerd serve` to a new temporary folder. The caller must remove the
 * folder. Each entry of `bindings` becomes a text binding of the Worker.
 */
export async function writeWorkerdConfig(
  entry: URL,
  bindings: Record<string, string>,
  { objects, kv }: WorkerdOptions = {},
): Promise<{ folder: string; config: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-workerd-'))
  const config = join(folder, 'config.capnp')
  const texts = Object.entries(bindings).map(
    ([name, text]) => `(name = ${JSON.stringify(name)}, text = ${JSON.stringify(text)})`,
  )
  const disk =
    typeof objects === 'object' ? `(name = "disk", disk = (path = ${JSON.stringify(objects.folder)}, writable = true)),` : ''
  await writeFile(join(folder, 'worker.js'), await bundleOnce(entry))
  await writeFile(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "internet", network = (allow = ["public", "private"])),
    ${disk}
    ${kv ? `(name = "kv", external = (address = ${JSON.stringify(kv)}, http = ())),` : ''}
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const main :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = "2026-10-01",
  compatibilityFlags = ["enable_request_signal"],
  globalOutbound = "internet",
  bindings = [${[...texts, ...(kv ? ['(name = "API_KEYS", kvNamespace = "kv")'] : []), ...(objects ? namespaces.map(toBinding) : [])].join(', ')}],
  ${objects ? toStorage(objects) : ''}
);
`,
  )
  return { folder, config }
}

/** The Durable Objects of wrangler.toml. */
const namespaces = [
  { name: 'RUNS', className: 'RunObject' },
  { name: 'CALLERS', className: 'CallerObject' },
] as const

type Namespace = (typeof namespaces)[number]

const toBinding = ({ name, className }: Namespace) => `(name = "${name}", durableObjectNamespace = "${className}")`

function toStorage(objects: NonNullable<WorkerdOptions['objects']>): string {
  const classes = namespaces.map(
    ({ className }) => `(className = "${className}", uniqueKey = "sluice-${className}", enableSql = true)`,
  )
  return `durableObjectNamespaces = [${classes.join(', ')}],
  durableObjectStorage = (${objects === 'memory' ? 'inMemory = void' : 'localDisk = "disk"'}),`
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
