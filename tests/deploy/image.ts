import { execFile } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parseDockerfile, parseDockerignore, type Dockerfile } from './dockerfile.ts'

export const root = fileURLToPath(new URL('../../', import.meta.url))
const run = promisify(execFile)

/** What `docker build` would make, in a folder. */
export interface Image extends Dockerfile {
  /** The WORKDIR. */
  readonly app: string
  /** The variables that a container starts with. Its `node` is the one that runs the tests, and there is nothing else on its PATH. */
  readonly env: Readonly<Record<string, string>>
  /** Who its processes are: nobody who may write there, if we are root and can start one. */
  readonly ids: { readonly uid?: number; readonly gid?: number }
  remove(): void
}

/** Executes the Dockerfile's COPY and RUN on what git knows and `.dockerignore` lets pass. */
export async function buildImage(): Promise<Image> {
  const dockerfile = parseDockerfile(readFileSync(`${root}Dockerfile`, 'utf8'))
  const folder = mkdtempSync(join(tmpdir(), 'sluice-image-'))
  const context = join(folder, 'context')
  const bin = join(folder, 'bin')
  const app = join(folder, 'image', dockerfile.workdir)
  chmodSync(folder, 0o755)
  const remove = () => rmSync(folder, { recursive: true, force: true })
  try {
    for (const path of [context, bin, app]) mkdirSync(path, { recursive: true })
    cpSync(process.execPath, join(bin, 'node'))
    await copyContext(context)
    const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, ...dockerfile.env }
    for (const step of dockerfile.steps) {
      if ('run' in step) await run('sh', ['-c', step.run], { cwd: app, env })
      else for (const path of step.copy) copy(join(context, path), join(app, step.to))
    }
  } catch (error) {
    remove()
    throw error
  }
  const ids = process.getuid?.() === 0 ? { uid: 1000, gid: 1000 } : {}
  return { ...dockerfile, app, env: { PATH: bin, ...dockerfile.env }, ids, remove }
}

async function copyContext(to: string) {
  const isIncluded = parseDockerignore(readFileSync(`${root}.dockerignore`, 'utf8'))
  const { stdout } = await run('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], { cwd: root })
  for (const file of new Set(stdout.split('\0'))) {
    if (!isIncluded(file) || !existsSync(root + file)) continue
    mkdirSync(dirname(join(to, file)), { recursive: true })
    cpSync(root + file, join(to, file))
  }
}

/** As Docker has it: of a folder the content is copied, and a file goes into a target that ends with a slash. */
function copy(from: string, to: string) {
  cpSync(from, to.endsWith('/') && !statSync(from).isDirectory() ? join(to, basename(from)) : to, { recursive: true })
}
