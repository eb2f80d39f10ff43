import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The script of `npm run build`. It rebuilds the files for browsers if their sources have changed.
 * Commands that need these files run this script first, so the files are never stale. The script
 * imports `assets.ts` only for a rebuild. So a machine with current files needs no build tools.
 */
const root = fileURLToPath(new URL('../', import.meta.url))
const inputs = ['build', 'packages/client', 'packages/ollama-grammar', 'packages/page', 'package-lock.json', 'tsconfig.json']
const outputs = ['src/generated/assets.ts', 'dist/client.js', 'dist/client.d.ts'].map((path) => join(root, path))

const stamp = `// Made by npm run build from ${toHash()}; not to be edited.\n`
if (!outputs.every((path) => existsSync(path)) || !readFileSync(outputs[0]!, 'utf8').startsWith(stamp)) {
  const { buildAssets } = await import('./assets.ts')
  await buildAssets(stamp)
}

function toHash(): string {
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
