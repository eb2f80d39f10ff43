import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

/** The text of each file, by its path. */
type Files = Readonly<Record<string, string>>

const cwd = fileURLToPath(new URL('.', import.meta.url))
const most = 2
/** A file of a black-box suite contains tests, so it is no helper. */
const isTest = (path: string) => /\.test\.ts$|\bsuite(?:\/[^/]+)?\.ts$/.test(path)
/** A type-only import does not match, because it does not exist at run time. */
const imports = /^(?:import|export) (?!type )(?:[^']* from )?'(\.[^']+)'|\bimport\('(\.[^']+)'\)/gm

function toHelpers(files: Files, path: string): string[] {
  const imported = [...files[path]!.matchAll(imports)].map(([, still, dynamic]) => join(dirname(path), (still ?? dynamic)!))
  return imported.filter((path) => path in files && !isTest(path))
}

/** Returns the chains of imports that begin with `chain` and have too many helpers. */
function findTooDeep(files: Files, chain: readonly string[]): string[] {
  if (chain.length > 1 + most) return [chain.join(' → ')]
  return toHelpers(files, chain.at(-1)!).flatMap((helper) => findTooDeep(files, [...chain, helper]))
}

const findAll = (files: Files) =>
  Object.keys(files)
    .filter(isTest)
    .flatMap((path) => findTooDeep(files, [path]))

test('a test imports a helper, which may import one more, and no further', () => {
  const paths = globSync('**/*.ts', { cwd })
  expect(findAll(Object.fromEntries(paths.map((path) => [path, readFileSync(join(cwd, path), 'utf8')])))).toEqual([])
})

test('a chain of three helpers is found, and types and files of the suite do not count', () => {
  const files = {
    'a.test.ts': `import './lab/one.ts'\nimport { describeB } from './suite/b.ts'`,
    'suite/b.ts': `import type { Three } from '../lab/three.ts'\nimport {\n  two,\n} from '../lab/two.ts'`,
    'lab/one.ts': `export { two } from './two.ts'`,
    'lab/two.ts': `const three = await import('./three.ts')`,
    'lab/three.ts': `import type { One } from './one.ts'`,
  }
  expect(findAll(files)).toEqual(['a.test.ts → lab/one.ts → lab/two.ts → lab/three.ts'])
})
