import { execFile } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parseDockerfile, parseDockerignore, type Dockerfile, type Stage } from './dockerfile.ts'

export const root = fileURLToPath(new URL('../../', import.meta.url))
const run = promisify(execFile)

/** Where the base image has Node (docs/deploy.md#2-docker). */
const nodeOfDistroless = '/nodejs/bin/node'

/** The result of `docker build`, in a folder. */
export interface Image extends Dockerfile {
  /** The WORKDIR. */
  readonly app: string
  /** Returns a command of the image as a command of this machine, with the same Node. */
  toHere(command: readonly string[]): string[]
  /**
   * The environment variables of a container. The PATH is empty, because the image has no program
   * but Node, whose folder is not on its PATH.
   */
  readonly env: Readonly<Record<string, string>>
  /**
   * The user of the container's processes. If root runs the tests, this is another user, who
   * cannot write into the image.
   */
  readonly ids: { readonly uid?: number; readonly gid?: number }
  remove(): void
}

/**
 * Executes the Dockerfile's COPY and RUN on the files that git does not ignore and that
 * `.dockerignore` includes.
 */
export async function buildImage(): Promise<Image> {
  const dockerfile = parseDockerfile(readFileSync(`${root}Dockerfile`, 'utf8'))
  const folder = mkdtempSync(join(tmpdir(), 'sluice-image-'))
  const bin = join(folder, 'bin')
  const toStage = ({ name }: Pick<Stage, 'name'>) => join(folder, `stage-${name}`)
  chmodSync(folder, 0o755)
  const remove = () => rmSync(folder, { recursive: true, force: true })
  try {
    mkdirSync(bin)
    cpSync(process.execPath, join(bin, 'node'))
    await copyContext(join(folder, 'context'))
    for (const stage of [...dockerfile.stages, dockerfile]) await runStage(stage, { folder, bin, toStage })
  } catch (error) {
    remove()
    throw error
  }
  const id = Number(dockerfile.user)
  const ids = process.getuid?.() === 0 ? { uid: id, gid: id } : {}
  const app = join(toStage(dockerfile), dockerfile.workdir)
  const toHere = ([file, ...args]: readonly string[]) => {
    if (file !== nodeOfDistroless) throw new Error(`Cannot run ${file}: the image has only ${nodeOfDistroless}`)
    return [join(bin, 'node'), ...args]
  }
  return { ...dockerfile, app, toHere, env: { PATH: '', ...dockerfile.env }, ids, remove }
}

interface Place {
  readonly folder: string
  readonly bin: string
  toStage(stage: Pick<Stage, 'name'>): string
}

async function runStage(stage: Stage, { folder, bin, toStage }: Place) {
  const app = join(toStage(stage), stage.workdir)
  mkdirSync(app, { recursive: true })
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, ...stage.env }
  for (const step of stage.steps) {
    if ('copy' in step) {
      const from = step.from === undefined ? join(folder, 'context') : toStage({ name: step.from })
      for (const path of step.copy) copy(join(from, path), join(app, step.to))
    }
    // `npm ci` takes a minute, so the image links to the project's installed packages.
    else if (step.run.startsWith('npm ci --ignore-scripts')) symlinkSync(`${root}node_modules`, join(app, 'node_modules'))
    else await run('sh', ['-c', step.run], { cwd: app, env })
  }
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

/**
 * Copies as Docker does. If `from` is a folder, only its content is copied. If `to` ends with a
 * slash, a file goes into that folder.
 */
function copy(from: string, to: string) {
  cpSync(from, to.endsWith('/') && !statSync(from).isDirectory() ? join(to, basename(from)) : to, { recursive: true })
}
