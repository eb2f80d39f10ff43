import { build, type BuildOptions, type Metafile } from 'esbuild'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeAtomically } from './write-atomically.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
const dist = join(root, 'dist')

/**
 * The code is not minified, because that would make a start no faster, and because Bun reads no
 * source map: its stack traces name lines of `dist/bun.js`.
 */
const common = {
  absWorkingDir: root,
  outdir: dist,
  bundle: true,
  write: false,
  metafile: true,
  platform: 'node',
  format: 'esm',
  target: 'es2024',
  charset: 'utf8',
  sourcesContent: false,
  logLevel: 'error',
  // The emulator is a file of its own. A server without the demo does not load it, and the image
  // does not have it.
  alias: { '#fake-ollama': './emulator.js' },
  external: ['./emulator.js'],
} satisfies BuildOptions

/**
 * Bundles the programs for Node and Bun into `dist`, because a start from many files of TypeScript
 * takes twice as long. The files need no package when they run.
 * @param stamp the first line of `dist/node.js`
 */
export async function buildServer(stamp: string): Promise<void> {
  const bundles = await Promise.all([
    build({
      ...common,
      entryPoints: { node: 'src/runtimes/node.ts' },
      sourcemap: 'linked',
      banner: { js: stamp.trimEnd() },
    }),
    build({
      ...common,
      entryPoints: {
        bun: 'src/runtimes/bun.ts',
        emulator: 'packages/fake-ollama/emulator/emulator.ts',
        key: 'src/runtimes/key.ts',
      },
    }),
  ])
  await writeAtomically(join(dist, 'bun.env'), await readFile(join(root, 'src/runtimes/bun/bun.env')))
  await writeAtomically(join(dist, 'licenses.txt'), await toLicenses(bundles.map(({ metafile }) => metafile)))
  // `node.js` has the stamp, so it is the last file.
  for (const { path, contents } of bundles.toReversed().flatMap(({ outputFiles }) => outputFiles))
    await writeAtomically(path, contents)
}

/** Joins the licenses of the packages in the bundles. They ask to be part of every copy. */
async function toLicenses(metafiles: readonly Metafile[]): Promise<string> {
  const inputs = metafiles.flatMap(({ inputs }) => Object.keys(inputs))
  const names = new Set(inputs.flatMap((path) => /.*\bnode_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []))
  const texts = await Promise.all(
    [...names].toSorted().map(async (name) => {
      const folder = join(root, 'node_modules', name)
      const file = (await readdir(folder)).find((path) => /^licen[cs]e\b/i.test(path))
      if (!file) throw new Error(`Cannot bundle ${name}: it has no license`)
      return `${name}\n\n${await readFile(join(folder, file), 'utf8')}`
    }),
  )
  return texts.join('\n\n')
}
