import { build, type BuildOptions, type Metafile, type Plugin } from 'esbuild'
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { versionAlone } from './version-alone.ts'
import { writeAtomically } from './write-atomically.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
const dist = join(root, 'dist')

/**
 * The code is not minified, because that would make a start no faster, and because Bun reads no
 * source map: its stack traces name lines of `dist/bun.js`.
 */
const common = {
  absWorkingDir: root,
  bundle: true,
  write: false,
  metafile: true,
  platform: 'node',
  format: 'esm',
  target: 'es2024',
  charset: 'utf8',
  sourcesContent: false,
  logLevel: 'error',
  // The emulator and the Redis client are files of their own, because most servers need neither. The
  // image does not have the emulator.
  alias: { '#fake-ollama': './emulator.js', '@redis/client': './redis-client.cjs' },
  external: ['./emulator.js', './redis-client.cjs'],
} satisfies BuildOptions

/**
 * The command starts the servers that others start, and its first file loads the rest only if Node
 * is not too old. So these imports stay imports, of other files in `dist`.
 */
const programs: Plugin = {
  name: 'programs',
  setup({ onResolve }) {
    onResolve({ filter: /\/(?:command|node|bun)\.ts$/ }, ({ kind, path }) =>
      kind === 'dynamic-import' ? { path: `./${basename(path, '.ts')}.js`, external: true } : undefined,
    )
  },
}

/**
 * Bundles the programs for Node, Bun and Deno into `dist`, because a start from many files of
 * TypeScript takes twice as long. The files need no package when they run.
 * @param stamp the first line of `dist/node.js`
 */
export async function buildServer(stamp: string): Promise<void> {
  const bundles = await Promise.all([
    build({
      ...common,
      outdir: dist,
      entryPoints: { node: 'src/runtimes/node.ts' },
      sourcemap: 'linked',
      banner: { js: stamp.trimEnd() },
    }),
    build({
      ...common,
      outdir: dist,
      entryPoints: {
        bun: 'src/runtimes/bun.ts',
        deno: 'src/runtimes/deno.ts',
        emulator: 'packages/fake-ollama/emulator/emulator.ts',
        key: 'src/runtimes/key.ts',
        cli: 'src/runtimes/cli.ts',
        command: 'src/runtimes/cli/command.ts',
      },
      plugins: [programs, versionAlone],
    }),
    build({
      ...common,
      stdin: { contents: "export { createClient, ErrorReply } from '@redis/client'", resolveDir: root },
      outfile: join(dist, 'redis-client.cjs'),
      // The client is made of CommonJS modules that require modules of Node.
      format: 'cjs',
      alias: {},
      // Optional parts that the client loads if they are there.
      external: ['@opentelemetry/api', '@node-rs/xxhash'],
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
      // Some packages come without their license. `build/licenses` has it from their repository.
      const path = file ? join(folder, file) : join(root, 'build/licenses', `${name}.txt`)
      return `${name}\n\n${await readFile(path, 'utf8')}`
    }),
  )
  return texts.join('\n\n')
}
