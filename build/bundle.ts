import { build, type BuildOptions, type Metafile } from 'esbuild'
import { fileURLToPath } from 'node:url'
import { minify } from 'terser'
import { onlyLexer } from './only-lexer.ts'

const root = fileURLToPath(new URL('../', import.meta.url))

const common = { absWorkingDir: root, bundle: true, write: false, charset: 'utf8', logLevel: 'error' } satisfies BuildOptions

/**
 * Bundles a script with all its imports, as short as possible. esbuild bundles and terser
 * minifies, because terser's repeated passes give 5 % less than esbuild's minifier.
 */
export async function bundleScript(
  entry: Pick<BuildOptions, 'entryPoints' | 'stdin' | 'inject'>,
  target: readonly string[],
): Promise<string> {
  const { outputFiles, metafile } = await build({
    ...common,
    ...entry,
    target: [...target],
    format: 'esm',
    // This gives shorter code than tsconfig.json's setting. It needs build/jsx.ts to be injected.
    tsconfigRaw: { compilerOptions: { jsx: 'react', jsxFactory: 'h', jsxFragmentFactory: 'Fragment' } },
    metafile: true,
    minifySyntax: true,
    plugins: [onlyLexer],
  })
  refuseForeign(metafile)
  const compress = { passes: 3, keep_fargs: false, lhs_constants: false, unsafe_arrows: true }
  const options = { module: true, ecma: 2020, compress, format: { comments: false } } as const
  const { code = '' } = await minify(outputFiles[0]!.text, options)
  return code
}

/** Bundles a style sheet with all its imports. */
export async function bundleStyle(path: string, target: readonly string[]): Promise<string> {
  const { outputFiles } = await build({ ...common, entryPoints: [path], target: [...target], minify: true })
  return outputFiles[0]!.text
}

/**
 * Refuses files of the server. Browsers get only the page, the client, Ollama's grammar and the
 * packages that these import.
 * @throws Error that names the files of the server
 */
function refuseForeign({ inputs: files }: Metafile) {
  const foreign = Object.keys(files).filter(
    (file) =>
      file !== '<stdin>' &&
      !/^packages\/(?:page|client|ollama-grammar)\/|^build\/jsx\.ts$|(?:^|\/)node_modules\/|^marked:/.test(file),
  )
  if (foreign.length > 0) throw new Error(`Cannot build for browsers: ${foreign.join(', ')} is of the server`)
}
