import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The script of `npm run build`. It rebuilds the files for browsers, and then the programs for Node
 * and Bun, if their sources have changed. Commands that need these files run this script first, so
 * the files are never stale. The script imports the build tools only for a rebuild. So a machine
 * with current files needs none.
 */
const root = fileURLToPath(new URL('../', import.meta.url))
const tools = ['build', 'package.json', 'package-lock.json', 'tsconfig.json']

await buildIfStale({
  inputs: [...tools, 'packages/client', 'packages/ollama-grammar', 'packages/page'],
  outputs: ['src/generated/assets.ts', 'dist/client.js', 'dist/client.d.ts'],
  build: async (stamp) => (await import('./assets.ts')).buildAssets(stamp),
})
await buildIfStale({
  inputs: [...tools, 'src', 'packages/fake-ollama/emulator', 'packages/ollama-grammar'],
  outputs: ['node.js', 'node.js.map', 'bun.js', 'bun.env', 'emulator.js', 'redis-client.cjs', 'key.js', 'licenses.txt'].map(
    (name) => `dist/${name}`,
  ),
  build: async (stamp) => (await import('./server.ts')).buildServer(stamp),
})

interface Target {
  /** Files and folders. */
  readonly inputs: readonly string[]
  /** The first of them begins with the stamp, and `build` must write it last. */
  readonly outputs: readonly string[]
  build(stamp: string): Promise<void>
}

async function buildIfStale({ inputs, outputs, build }: Target) {
  const stamp = `// Made by npm run build from ${toHash(inputs)}; not to be edited.\n`
  const [first = '', ...others] = outputs.map((path) => join(root, path))
  if (![first, ...others].every((path) => existsSync(path)) || !readFileSync(first, 'utf8').startsWith(stamp))
    await build(stamp)
}

function toHash(inputs: readonly string[]): string {
  const hash = createHash('sha256')
  for (const input of inputs)
    for (const file of listFiles(input)) hash.update(`${file}\0`).update(readFileSync(join(root, file)))
  return hash.digest('hex').slice(0, 32)
}

function listFiles(path: string): string[] {
  if (path.includes('.')) return [path]
  const entries = readdirSync(join(root, path), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return entries.map(({ parentPath, name }) => join(parentPath, name).slice(root.length)).toSorted()
}
