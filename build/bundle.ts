import { build, type BuildOptions, type Metafile } from 'esbuild'
import { fileURLToPath } from 'node:url'
import { minify } from 'terser'
import { onlyLexer } from './only-lexer.ts'

const root = fileURLToPath(new URL('../', import.meta.url))

const common = { absWorkingDir: root, bundle: true, write: false, charset: 'utf8', logLevel: 'error' } satisfies BuildOptions

/**
 * A script and all that it imports, as short as can be: esbuild puts it together, and terser, which looks at all of it again until nothing more
 * can be left out, makes it 5 % smaller than esbuild does.
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
    // Shorter than what tsconfig.json says, and the same, if build/jsx.ts is injected.
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

/** Style sheets, all that one imports in it. */
export async function bundleStyle(path: string, target: readonly string[]): Promise<string> {
  const { outputFiles } = await build({ ...common, entryPoints: [path], target: [...target], minify: true })
  return outputFiles[0]!.text
}

/** What goes to a browser is of the page, the client, Ollama's grammar and what they name: nothing of the server comes along. */
function refuseForeign({ inputs: files }: Metafile) {
  const foreign = Object.keys(files).filter(
    (file) =>
      file !== '<stdin>' &&
      !/^packages\/(?:page|client|ollama-grammar)\/|^build\/jsx\.ts$|(?:^|\/)node_modules\/|^marked:/.test(file),
  )
  if (foreign.length > 0) throw new Error(`Cannot build for browsers: ${foreign.join(', ')} is of the server`)
}
