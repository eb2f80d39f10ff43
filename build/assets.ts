import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { bundleModule, bundleScript, bundleStyle } from './bundle.ts'
import { toAsset, type Output } from './to-asset.ts'
import { writeAtomically } from './write-atomically.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
const dist = join(root, 'dist')

/**
 * The browsers that the client supports (docs/browser.md). The page needs newer browsers, because
 * its style sheet uses `light-dark()`.
 */
const clientTargets = ['es2022', 'chrome111', 'firefox114', 'safari16.4']
const pageTargets = ['es2022', 'chrome123', 'firefox120', 'safari17.5']

const javaScript = 'text/javascript; charset=utf-8'

/**
 * Builds the files for browsers, and writes them gzipped into the module `src/generated/assets.ts`.
 * The server serves them from that module, because not every runtime has a file system. The client
 * is also written to `dist`, so that programs can import it as `sluice/client`.
 * @param stamp the first line of `src/generated/assets.ts`
 */
export async function buildAssets(stamp: string): Promise<void> {
  // A page that fails must not leave the compiler of the client running. So the client comes later.
  const chat = await buildPage({ path: '/', name: 'page', folder: 'packages/page' })
  const status = await buildPage({ path: '/status', name: 'status', folder: 'packages/page/status' })
  const client = await buildClient()
  // The pages share a file of the same content.
  const outputs = new Map([...chat, ...status, ...client].map((output) => [output.path, output]))
  const assets = [...outputs.values()].map(toAsset)
  const text = `${stamp}import type { Asset } from '../routes/assets.ts'\n\n${toModule(assets)}`
  await writeAtomically(join(root, 'src/generated/assets.ts'), text)
}

interface Page {
  /** The path of the page. */
  readonly path: string
  /** The name of its script and of its style sheet. */
  readonly name: string
  /** The folder of its sources: `index.html`, `main.tsx` and `style.css`. */
  readonly folder: string
}

/** Builds a page. Each has its own copy of what they share, because few people open both. */
async function buildPage({ path, name, folder }: Page): Promise<Output[]> {
  const [modules, first, styles, shell] = await Promise.all([
    bundleModule(name, `${folder}/main.tsx`, pageTargets),
    bundleScript({ entryPoints: ['packages/page/theme.js'] }, pageTargets),
    bundleStyle(`${folder}/style.css`, pageTargets),
    readFile(join(root, folder, 'index.html'), 'utf8'),
  ])
  const scripts = modules.map(({ name, text }) => ({ path: `/assets/${name}`, type: javaScript, text }))
  const theme = toHashed('theme', javaScript, first)
  const style = toHashed(name, 'text/css; charset=utf-8', styles)
  const text = shell
    .replaceAll(/>\s+</g, '><')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(' />', '>')
    .replace('main.tsx', scripts.find(({ path }) => path.startsWith(`/assets/${name}-`))!.path)
    .replace('theme.js', theme.path)
    .replace('style.css', style.path)
  return [{ path, type: 'text/html; charset=utf-8', text }, ...scripts, theme, style]
}

async function buildClient(): Promise<Output[]> {
  const [types, text] = await Promise.all([
    emitTypes(),
    bundleScript({ entryPoints: ['packages/client/client.ts'] }, clientTargets),
  ])
  await writeAtomically(join(dist, 'client.js'), text)
  await writeAtomically(join(dist, 'client.d.ts'), types)
  const type = javaScript
  // Deno finds the types of a script by this header. Its path begins at the script.
  const toHeaders = (path: string) => ({ 'x-typescript-types': path })
  return [
    { path: '/client.js', type, text, headers: toHeaders('./client.d.ts') },
    { ...toHashed('client', type, text), headers: toHeaders('../client.d.ts') },
    { path: '/client.d.ts', type: 'application/typescript; charset=utf-8', text: types },
  ]
}

/**
 * Emits the type declarations of the client as one file. Each line of `client.ts` that re-exports a
 * file is replaced with the declarations of that file.
 */
async function emitTypes(): Promise<string> {
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  await promisify(execFile)(process.execPath, [compiler, '-p', 'packages/client'], { cwd: root })
  const folder = join(root, 'node_modules/.cache/sluice-client')
  const readDeclarations = (name: string) => readFileSync(join(folder, name), 'utf8').replaceAll(/^import .*\n/gm, '')
  return readDeclarations('client.d.ts').replaceAll(/^export .* from '\.\/([\w-]+)\.ts';\n/gm, (_line, name: string) =>
    readDeclarations(`${name}.d.ts`),
  )
}

function toHashed(name: string, type: string, text: string): Output {
  const hash = createHash('sha256').update(text).digest('base64url').slice(0, 10)
  return { path: `/assets/${name}-${hash}.${type.includes('css') ? 'css' : 'js'}`, type, text }
}

function toModule(assets: readonly object[]): string {
  return `export const assets: readonly Asset[] = ${JSON.stringify(assets, null, 2)}\n`
}
