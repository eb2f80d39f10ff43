import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const bin = (name: string) => fileURLToPath(new URL(`../../node_modules/.bin/${name}`, import.meta.url))
const programs = (name: string) => fileURLToPath(new URL(`.programs/node_modules/.bin/${name}`, import.meta.url))

/** The runtimes that run a consumer's programs. */
export const runtimes = { 'Node 24': process.execPath, 'Node 22': programs('node'), Bun: bin('bun') }

/**
 * How each package manager installs what package.json lists. Each has its own layout of node_modules:
 * pnpm shows a package only what it depends on. The caches are those of this user.
 */
const installs = {
  npm: ['npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'],
  pnpm: [programs('pnpm'), 'install', '--prefer-offline', '--silent'],
  Bun: [bin('bun'), 'install', '--silent'],
} as const
export type Manager = keyof typeof installs
export const managers = Object.keys(installs) as Manager[]

/** A project that has installed the package. */
export interface Consumer {
  readonly folder: string
  /** Runs a command in the project. Returns its standard output. @throws Error with its output */
  run(...command: readonly string[]): Promise<string>
  /**
   * Compiles files as strictly as TypeScript can, with the types of the libraries. Returns the
   * mistakes. `options` are further options of the compiler.
   */
  compile(files: readonly string[], options: Readonly<Record<string, unknown>>): Promise<string>
  remove(): void
}

/**
 * Copies the programs of `consumer/` to a new folder, and installs packages there. The program for
 * Node becomes one for Bun and one for Deno, because only the name of the import is different.
 */
export async function createConsumer(manager: Manager, dependencies: Readonly<Record<string, string>>): Promise<Consumer> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-consumer-'))
  cpSync(new URL('consumer', import.meta.url), folder, { recursive: true })
  const program = readFileSync(join(folder, 'node.ts'), 'utf8')
  for (const name of ['bun', 'deno'])
    writeFileSync(join(folder, `${name}.ts`), program.replace("'sluice/node'", `'sluice/${name}'`))
  const manifest = { name: 'consumer', private: true, type: 'module', dependencies }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest))
  const consumer: Consumer = {
    folder,
    async run(file = '', ...args) {
      const { stdout } = await run(file, args, { cwd: folder })
      return stdout
    },
    async compile(files, options) {
      const compilerOptions = {
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        verbatimModuleSyntax: true,
        skipLibCheck: false,
        target: 'es2024',
        lib: ['es2024', 'dom', 'dom.iterable', 'dom.asynciterable'],
        types: [],
        noEmit: true,
        ...options,
      }
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
      return consumer.run(bin('tsc'), '-p', '.').catch((error: Error & { stdout: string }) => error.stdout)
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
  const [file, ...args] = installs[manager]
  await consumer.run(file, ...args)
  return consumer
}
