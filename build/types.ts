import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import packageJson from '../package.json' with { type: 'json' }
import { modules } from './library.ts'
import { replaceFolder } from './replace-folder.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
const folder = join(root, 'dist/types')
const cache = join(root, 'node_modules/.cache/sluice-types')
const imports = new Map<string, string>(Object.entries(packageJson.imports))

/**
 * Emits the type declarations of the package's modules, and of all files whose types they use. The
 * paths are those of the sources. The imports lead to files in the same folder, because other
 * programs know neither our `imports` nor files of TypeScript.
 * @param stamp the first line of `dist/types/src/index.d.ts`
 */
export async function buildTypes(stamp: string): Promise<void> {
  const entries = Object.values(modules)
  await compile(entries)
  const texts = new Map<string, string>()
  /** The paths of declarations. The list grows while it is read. */
  const paths = entries.map(toDeclaration)
  for (const path of paths) {
    if (texts.has(path)) continue
    const text = await readFile(join(cache, 'types', path), 'utf8')
    const toImport = (_import: string, before: string, quote: string, name: string) => {
      const found = resolve(name, path)
      paths.push(toDeclaration(found))
      const relative = posix.relative(dirname(path), found).replace(/\.ts$/, '.js')
      return `${before}${quote}${relative.startsWith('.') ? relative : `./${relative}`}${quote}`
    }
    texts.set(path, text.replaceAll(/(\bfrom |\bimport\()(['"])([.#][^'"]+)\2/g, toImport))
  }
  const last = toDeclaration(modules.index)
  texts.set(last, stamp + texts.get(last))
  const files = new Map([...texts].map(([path, text]) => [join(folder, path), text]))
  await replaceFolder({ folder, files, last: join(folder, last) })
}

/** @throws Error with the output of the compiler, if it finds a mistake */
async function compile(entries: readonly string[]) {
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      declaration: true,
      emitDeclarationOnly: true,
      stripInternal: true,
      rootDir: root,
      outDir: join(cache, 'types'),
    },
    include: [join(root, 'src/**/*.d.ts')],
    files: entries.map((path) => join(root, path)),
  }
  await mkdir(cache, { recursive: true })
  await writeFile(join(cache, 'tsconfig.json'), JSON.stringify(config))
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  await promisify(execFile)(process.execPath, [compiler, '-p', cache]).catch((error: Error & { stdout?: string }) => {
    throw new Error(`Cannot emit the types of the package:\n${error.stdout}`, { cause: error })
  })
}

/** Returns the path of the source that an import names. */
function resolve(name: string, from: string): string {
  if (name.startsWith('.')) return posix.join(dirname(from), name)
  const [room = ''] = name.split('/')
  const target = imports.get(name) ?? imports.get(`${room}/*`)
  if (!target) throw new Error(`Cannot emit the types of the package: ${from} imports ${name}`)
  return posix.normalize(target.replace('*', name.slice(room.length + 1)))
}

function toDeclaration(path: string): string {
  return path.replace(/\.ts$/, '.d.ts')
}
