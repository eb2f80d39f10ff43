import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** The command, as Node runs it. */
export const sluice: readonly string[] = [process.execPath, `${root}dist/cli.js`]

/** The command, as Bun runs it. */
export const sluiceOnBun: readonly string[] = [`${root}node_modules/.bin/bun`, `${root}dist/cli.js`]

/** The environment of somebody who has set nothing. */
export const bare = { PATH: process.env.PATH, HOME: process.env.HOME }

export interface Outcome {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

interface RunOptions {
  readonly env?: Readonly<NodeJS.ProcessEnv>
  readonly cwd?: string
  /** The user of the process. By default, the user of the tests. */
  readonly ids?: { readonly uid?: number; readonly gid?: number }
}

/** Runs a command to its end. The command inherits no variable but those of `bare`. */
export async function runCommand(
  [file = '', ...args]: readonly string[],
  { env = {}, cwd = root, ids = {} }: RunOptions = {},
): Promise<Outcome> {
  const child = spawn(file, args, { cwd, env: { ...bare, ...env }, ...ids, stdio: ['ignore', 'pipe', 'pipe'], timeout: 20_000 })
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) child[name].on('data', (data: Buffer) => (said[name] += data.toString()))
  const [status] = (await once(child, 'close')) as [number | null]
  return { status, ...said }
}
