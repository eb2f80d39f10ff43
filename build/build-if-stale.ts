import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const tools = ['build', 'package.json', 'package-lock.json', 'tsconfig.json']

interface Target {
  /** Files and folders, beside the build itself and its tools. */
  readonly inputs: readonly string[]
  /** The first of them begins with the stamp, and `build` must write it last. */
  readonly outputs: readonly string[]
  build(stamp: string): Promise<void>
}

/** Builds the outputs if one is missing, or if the inputs have changed since they were built. */
export async function buildIfStale({ inputs, outputs, build }: Target): Promise<void> {
  const stamp = `// Made by npm run build from ${toHash([...tools, ...inputs])}; not to be edited.\n`
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
