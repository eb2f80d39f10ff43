import { build, type Plugin } from 'esbuild'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { replaceFolder } from './replace-folder.ts'
import { versionAlone } from './version-alone.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
const dist = join(root, 'dist')

/**
 * The modules that other programs import, by their names in `dist/lib`. `exports` of package.json
 * has the same modules. `index` is the package itself. `./client` has a build of its own, because
 * Sluice also serves it (assets.ts).
 */
export const modules = {
  index: 'src/index.ts',
  node: 'src/runtimes/node/sluice.ts',
  bun: 'src/runtimes/bun/sluice.ts',
  deno: 'src/runtimes/deno/sluice.ts',
  worker: 'src/runtimes/worker.ts',
}

/**
 * Takes what Sluice uses out of two modules, and leaves the rest. As imports, each would take 10 ms
 * of every start: `valibot` has a thousand exports, and `hono/factory` loads all routers of Hono for
 * one function that has no need of them.
 */
const inlined: Plugin = {
  name: 'inlined',
  setup({ onResolve }) {
    const toPath = (name: string) => fileURLToPath(import.meta.resolve(name))
    onResolve({ filter: /^(?:valibot|hono\/factory)$/ }, ({ path }) => ({ path: toPath(path), sideEffects: false }))
    // The function does not use this import of its module, so the bundle does not get it.
    onResolve({ filter: /\/hono\.js$/ }, ({ importer }) =>
      importer === toPath('hono/factory') ? { path: 'hono', external: true, sideEffects: false } : undefined,
    )
  },
}

/**
 * Builds the modules of the package, and its command, with their source maps. They share their
 * chunks, so a program that imports two of them has one copy of the code. Hono stays an import, so a program
 * shares its Hono with Sluice.
 * @param stamp the first line of `dist/lib/index.js`
 */
export async function buildLibrary(stamp: string): Promise<void> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    bundle: true,
    write: false,
    entryPoints: Object.fromEntries(
      Object.entries({ ...modules, cli: 'src/runtimes/cli.ts' }).map(([name, path]) => [`lib/${name}`, path]),
    ),
    outdir: dist,
    chunkNames: 'lib/[name]-[hash]',
    splitting: true,
    packages: 'external',
    plugins: [inlined, versionAlone],
    platform: 'node',
    format: 'esm',
    target: 'es2024',
    charset: 'utf8',
    banner: { js: stamp.trimEnd() },
    sourcemap: 'linked',
    // With the sources in them, the maps would be twice as long as the code.
    sourcesContent: false,
    logLevel: 'error',
  })
  await replaceFolder({
    folder: join(dist, 'lib'),
    files: new Map(outputFiles.map(({ path, contents }) => [path, contents])),
    last: join(dist, 'lib/index.js'),
  })
}
