import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const installed = fileURLToPath(new URL('.programs/', import.meta.url))
const folders = ['bin', 'npm/node_modules/.bin', 'python/bin'].map((folder) => `${installed}${folder}`)
/** A limit is needed, because an agent that retries for ever never ends by itself. */
const limitMs = 110_000

/** How a program ended, and its output. */
export interface Ran {
  /** Null if a signal ended the program. */
  readonly status: number | null
  readonly out: string
  /** Standard output and standard error. */
  readonly all: string
}

/**
 * Runs a shell command with the installed programs. Its home directory and git repository are
 * temporary, and `files` are written into the home. The command does not inherit the environment of
 * the tests. At the end, every process that the command has started is killed.
 * @throws Error if `install.sh` has not run
 */
export async function runProgram(
  line: string,
  { env, files = {} }: { env: Readonly<Record<string, string>>; files?: Readonly<Record<string, string>> },
): Promise<Ran> {
  if (!existsSync(`${installed}complete`)) throw new Error('Cannot run programs: run tests/agents/install.sh first')
  const home = mkdtempSync(join(tmpdir(), 'sluice-agent-'))
  const cwd = join(home, 'work')
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(home, path)), { recursive: true })
    writeFileSync(join(home, path), text)
  }
  execFileSync('git', ['init', '--quiet', cwd])

  const path = [...folders, dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'].join(':')
  const child = spawn('sh', ['-c', line], {
    cwd,
    env: { PATH: path, HOME: home, TMPDIR: home, LANG: 'C.UTF-8', ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const kill = () => {
    try {
      process.kill(-child.pid!, 'SIGKILL')
    } catch {
      // All processes of the group have ended already.
    }
  }
  process.once('exit', kill)
  const timer = setTimeout(kill, limitMs)
  const said = { out: '', all: '' }
  child.stdout.on('data', (data: Buffer) => (said.out += data.toString()))
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (said.all += data.toString()))
  const closed = once(child, 'close')
  try {
    const [status] = (await once(child, 'exit')) as [number | null]
    // Kill the processes that the shell has left running. They would keep the shell's output open.
    kill()
    await closed
    return { status, ...said }
  } finally {
    clearTimeout(timer)
    process.off('exit', kill)
    rmSync(home, { recursive: true, force: true })
  }
}
