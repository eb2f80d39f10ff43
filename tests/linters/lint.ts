import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../', import.meta.url))
/** The folder into which `install.sh` puts the linters. */
export const programs = fileURLToPath(new URL('.programs/', import.meta.url))

/**
 * Runs a linter in the root of the repository. Returns its exit status and all of its output.
 * @throws Error if `install.sh` has not run
 */
export function lint(name: string, args: readonly string[], input = '') {
  if (!existsSync(`${programs}complete`)) throw new Error('Cannot lint: run tests/linters/install.sh first')
  const PATH = `${programs}bin:${programs}python/bin:${process.env.PATH}`
  const { status, stdout, stderr } = spawnSync(name, args, {
    cwd: root,
    env: { ...process.env, PATH },
    encoding: 'utf8',
    input,
  })
  return { status, said: stdout + stderr }
}
