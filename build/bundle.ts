import { build, type BuildOptions, type Metafile } from 'esbuild'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { lexerOfMarked } from './lexer-of-marked.ts'

const root = fileURLToPath(new URL('../', import.meta.url))

const common = {
  absWorkingDir: root,
  bundle: true,
  minify: true,
  write: false,
  charset: 'utf8',
  legalComments: 'none',
  logLevel: 'error',
} satisfies BuildOptions

/** A file for browsers. Its name contains a hash of its content. */
export interface BundledFile {
  readonly name: string
  readonly text: string
}

/**
 * Bundles a module with its imports. A module that is imported with `import()` becomes a separate
 * file, which browsers load when they need it. `name` is that of the module's file.
 * @throws Error if the module imports server code
 */
export async function bundleModule(
  name: string,
  entryPoint: string,
  target: readonly string[],
): Promise<readonly BundledFile[]> {
  const { outputFiles, metafile } = await build({
    ...common,
    entryPoints: { [name]: entryPoint },
    target: [...target],
    format: 'esm',
    splitting: true,
    outdir: '/',
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    plugins: [lexerOfMarked],
    metafile: true,
  })
  rejectServerFiles(metafile)
  return outputFiles.map(({ path, text }) => ({ name: basename(path), text }))
}

/** Bundles a script into one file. @throws Error if the script imports server code */
export async function bundleScript(
  entry: Pick<BuildOptions, 'entryPoints' | 'stdin'>,
  target: readonly string[],
): Promise<string> {
  const { outputFiles, metafile } = await build({ ...common, ...entry, target: [...target], format: 'esm', metafile: true })
  rejectServerFiles(metafile)
  return outputFiles[0]!.text
}

/** Bundles a style sheet with its imports. */
export async function bundleStyle(path: string, target: readonly string[]): Promise<string> {
  const { outputFiles } = await build({ ...common, entryPoints: [path], target: [...target] })
  return outputFiles[0]!.text
}

/**
 * Throws if a bundle contains server code. A bundle may contain only npm packages and files of
 * `packages/page`, `packages/client` and `packages/ollama-grammar`.
 */
function rejectServerFiles({ inputs: files }: Metafile) {
  const foreign = Object.keys(files).filter(
    (file) => file !== '<stdin>' && !/^packages\/(?:page|client|ollama-grammar)\/|(?:^|\/)node_modules\//.test(file),
  )
  if (foreign.length > 0) throw new Error(`Cannot build for browsers: ${foreign.join(', ')} is of the server`)
}
