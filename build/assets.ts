import { build, type Metafile } from 'esbuild'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { onlyLexer } from './only-lexer.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
const dist = join(root, 'dist')

interface Output {
  readonly path: string
  readonly type: string
  readonly text: string
  /** Whether the path has the content's hash: it never changes then. */
  readonly isImmutable?: boolean
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Makes what browsers get: the chat page and the client, minified, as one module with every file in it, gzipped (`src/generated/assets.ts`),
 * so that no runtime needs a file system; and the client as `sluice/client` (`dist`). `stamp` is the module's first line.
 */
export async function buildAssets(stamp: string): Promise<void> {
  const [page, client] = await Promise.all([buildPage(), buildClient()])
  const assets = [...page, ...client].map(toAsset)
  const text = `${stamp}import type { Asset } from '../routes/assets.ts'\n\n${toModule(assets)}`
  await writeWhole(join(root, 'src/generated/assets.ts'), text)
}

async function buildPage(): Promise<Output[]> {
  const files = await bundle({ page: 'src/pages/main.tsx', style: 'src/pages/style.css' })
  const script = toHashed('page', 'text/javascript; charset=utf-8', files['page.js']!)
  const style = toHashed('page', 'text/css; charset=utf-8', files['style.css']!)
  const shell = await readFile(join(root, 'src/pages/index.html'), 'utf8')
  const text = shell.replace('main.tsx', script.path).replace('style.css', style.path)
  return [{ path: '/', type: 'text/html; charset=utf-8', text }, script, style]
}

async function buildClient(): Promise<Output[]> {
  const { 'client.js': text } = await bundle({ client: 'src/client/client.ts' })
  const types = await emitTypes()
  await writeWhole(join(dist, 'client.js'), text!)
  await writeWhole(join(dist, 'client.d.ts'), types)
  const type = 'text/javascript; charset=utf-8'
  // How Deno finds the types of a script.
  const headers = { 'x-typescript-types': '/client.d.ts' }
  return [
    { path: '/client.js', type, text: text!, headers },
    { ...toHashed('client', type, text!), headers },
    { path: '/client.d.ts', type: 'application/typescript; charset=utf-8', text: types },
  ]
}

/** Names of outputs and their texts. */
async function bundle(entryPoints: Record<string, string>): Promise<Record<string, string>> {
  const { outputFiles, metafile } = await build({
    entryPoints,
    absWorkingDir: root,
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    outdir: dist,
    format: 'esm',
    target: ['es2022', 'chrome111', 'firefox114', 'safari16.4'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    logLevel: 'error',
    plugins: [onlyLexer],
  })
  refuseForeign(metafile)
  return Object.fromEntries(outputFiles.map(({ path, text }) => [basename(path), text]))
}

/** What goes to a browser is of `src/pages`, `src/client` and what they name: nothing of the server comes along. */
function refuseForeign({ inputs: files }: Metafile) {
  const foreign = Object.keys(files).filter((file) => !/^src\/(?:pages|client)\/|(?:^|\/)node_modules\//.test(file))
  if (foreign.length > 0) throw new Error(`Cannot build for browsers: ${foreign.join(', ')} is of the server`)
}

/** The declarations of the client's one public file. */
async function emitTypes(): Promise<string> {
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  await promisify(execFile)(process.execPath, [compiler, '-p', 'src/client'], { cwd: root })
  return readFile(join(root, 'node_modules/.cache/sluice-client/client.d.ts'), 'utf8')
}

function toHashed(name: string, type: string, text: string): Output {
  const hash = createHash('sha256').update(text).digest('base64url').slice(0, 10)
  return { path: `/assets/${name}-${hash}.${type.includes('css') ? 'css' : 'js'}`, type, text, isImmutable: true }
}

function toAsset({ path, type, text, isImmutable = false, headers = {} }: Output) {
  const gzip = gzipSync(text, { level: 9 })
  const etag = createHash('sha256').update(text).digest('base64url').slice(0, 16)
  return { path, type, etag, isImmutable, headers, gzip: gzip.toString('base64') }
}

function toModule(assets: readonly object[]): string {
  return `export const assets: readonly Asset[] = ${JSON.stringify(assets, null, 2)}\n`
}

/** Never half: a server that starts meanwhile reads the one or the other. */
async function writeWhole(path: string, text: string) {
  await mkdir(join(path, '..'), { recursive: true })
  const part = `${path}.${process.pid}`
  await writeFile(part, text)
  await rename(part, path)
}
