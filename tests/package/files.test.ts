import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const programs = createRequire(new URL('.programs/package.json', import.meta.url))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, string | { types: string; default: string }>
  bin: Record<string, string>
  dependencies: Record<string, string>
  optionalDependencies: Record<string, string>
}
const dependencies = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })

let folder: string
/** The paths of all files in the package. */
let files: readonly string[]
const read = (path: string) => readFileSync(join(folder, path), 'utf8')

beforeAll(() => {
  const temporary = mkdtempSync(join(tmpdir(), 'sluice-files-'))
  execFileSync('tar', ['-xzf', inject('tarball'), '-C', temporary])
  folder = join(temporary, 'package')
  files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(folder, join(parentPath, name)))
})
afterAll(() => rmSync(dirname(folder), { recursive: true, force: true }))

test('the package has 1.5 MB at most, and no file that nobody needs', () => {
  const bytes = files.reduce((sum, path) => sum + statSync(join(folder, path)).size, 0)
  expect(bytes).toBeLessThanOrEqual(1_500_000)
  const others = files.filter((path) => !/^dist\/(?:client\.(?:js|d\.ts)$|(?:lib|types)\/)/.test(path))
  expect(others.toSorted()).toEqual([
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'README.zh-CN.md',
    'dist/licenses.txt',
    'package.json',
  ])
  expect(files.filter((path) => /^dist\/(?:lib|types)\//.test(path) && !/\.(?:js|js\.map|d\.ts)$/.test(path))).toEqual([])
})

test('each module of the package has a file and its types, and all of the code and types is of a module', () => {
  const modules = Object.entries(manifest.exports).filter(([name]) => name !== './package.json')
  const paths = modules.flatMap(([, target]) => Object.values(target))
  expect(files).toEqual(expect.arrayContaining(paths.map((path) => path.replace('./', ''))))
  /** The files that the package needs. The set grows while it is read. */
  const needed = new Set([...paths.map((path) => path.replace('./', '')), ...Object.values(manifest.bin)])
  for (const path of needed)
    for (const [, name = ''] of read(path).matchAll(/\b(?:from|import) ?\(?["'](\.[^"']+)["']/g)) {
      const imported = join(dirname(path), name)
      needed.add(path.endsWith('.d.ts') ? imported.replace(/\.js$/, '.d.ts') : imported)
    }
  const code = files.filter((path) => /^dist\/.*\.(?:js|d\.ts)$/.test(path))
  expect(code.filter((path) => !needed.has(path))).toEqual([])
})

test('the code and the types import only packages that an installation has', () => {
  for (const path of files.filter((name) => /^dist\/.*\.(?:js|d\.ts)$/.test(name))) {
    const imported = [
      ...read(path).matchAll(/(?:^(?:import|export|\}) ?(?:.* )?from|^import|\bimport\() ?["']([^"'.][^"']*)["']/gm),
    ]
    for (const [, name = ''] of imported) {
      const [, packageName = ''] = /^((?:@[^/]+\/)?[^/]+)/.exec(name) ?? []
      if (path.endsWith('.js') && name.startsWith('node:')) continue
      expect([...dependencies, 'cloudflare:workers'], `${path} imports ${name}`).toContain(packageName)
    }
    expect(read(path), path).not.toMatch(/["']#(?:client|page|fake-ollama|ollama-grammar)\b/)
  }
})

test('every source map names sources of the repository, and no file names this machine', () => {
  const maps = files.filter((path) => path.endsWith('.map'))
  expect(maps.length).toBeGreaterThan(5)
  for (const path of maps) {
    const { sources } = JSON.parse(read(path)) as { sources: string[] }
    for (const source of sources) expect(existsSync(join(root, dirname(path), source)), source).toBe(true)
    expect(read(path.replace(/\.map$/, ''))).toContain(`//# sourceMappingURL=${path.split('/').at(-1)}`)
  }
  for (const path of files) expect(read(path).includes(root), path).toBe(false)
})

interface Publint {
  publint(options: { pack: { tarball: ArrayBuffer }; strict: boolean }): Promise<{ messages: unknown[] }>
}

interface TypesJudge {
  createPackageFromTarballData(data: Uint8Array): unknown
  checkPackage(data: unknown): Promise<{ problems: { kind: string; entrypoint: string; resolutionKind: string }[] }>
}

const importProgram = async <T>(name: string) => (await import(pathToFileURL(programs.resolve(name)).href)) as T

test('publint finds nothing', async () => {
  const { publint } = await importProgram<Publint>('publint')
  const { messages } = await publint({
    pack: { tarball: new Uint8Array(readFileSync(inject('tarball'))).buffer },
    strict: true,
  })
  expect(messages).toEqual([])
})

test('@arethetypeswrong finds nothing, for programs that can import ESM', async () => {
  const { checkPackage, createPackageFromTarballData } = await importProgram<TypesJudge>('@arethetypeswrong/core')
  const data = createPackageFromTarballData(new Uint8Array(readFileSync(inject('tarball'))))
  const { problems } = await checkPackage(data)
  // Its profile `esm-only`. TypeScript's old `node10` knows no `exports`. `node16-cjs` does not know
  // that Node can `require` these modules, which consumers.test.ts does.
  expect(problems.filter(({ resolutionKind }) => !['node10', 'node16-cjs'].includes(resolutionKind))).toEqual([])
})
