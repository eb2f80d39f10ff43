import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { vi } from 'vitest'
import { toFreePort } from '../lab/free-port.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

const { PATH, HOME, NODE_EXTRA_CA_CERTS } = process.env

/**
 * The environment of a program: the project's Node and Bun, and nothing else of the tests. Behind a
 * proxy that signs the certificates of the registry, npm needs the proxy's own certificate.
 */
export const programEnv = {
  PATH: `${root}node_modules/.bin:${PATH}`,
  HOME,
  ...(NODE_EXTRA_CA_CERTS !== undefined && { NODE_EXTRA_CA_CERTS }),
}

/** An app that has Sluice in it. */
export interface App {
  readonly url: string
  /** Resolves with the exit status, which is null if a signal ended the process. */
  readonly exited: Promise<number | null>
  /** What the app has written. */
  output(): string
  signal(name: NodeJS.Signals): void
  stop(): Promise<void>
}

export interface AppProgram {
  readonly folder: string
  readonly command: 'node' | 'bun'
  readonly file: string
}

/** Packs Sluice into `folder`. Returns the path of the tarball. */
export function pack(folder: string): string {
  const args = ['pack', '--json', '--loglevel=error', '--pack-destination', folder]
  const said = execFileSync('npm', args, { cwd: root, encoding: 'utf8', env: programEnv })
  // The build may write lines before.
  const [{ filename }] = JSON.parse(said.slice(said.search(/^\[/m))) as [{ filename: string }]
  return `${folder}/${filename}`
}

/** Starts an app on a free port, and waits until Sluice answers below `/ai`. */
export async function startApp({ folder, command, file }: AppProgram, env: Readonly<Record<string, string>>): Promise<App> {
  const port = await toFreePort()
  const child = spawn(command, [file], { cwd: folder, env: { ...programEnv, PORT: String(port), ...env } })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (said += data.toString()))
  const exited = once(child, 'exit').then(([status]) => status as number | null)
  const url = `http://127.0.0.1:${port}`
  const stop = async () => {
    child.kill('SIGKILL')
    await exited
  }
  try {
    const isUp = () =>
      fetch(`${url}/ai/ping`).then(
        ({ ok }) => ok,
        () => false,
      )
    await Promise.race([
      vi.waitUntil(isUp, { timeout: 20_000, interval: 50 }),
      exited.then((status) => Promise.reject(new Error(`it ended with ${status}`))),
    ])
  } catch (error) {
    await stop()
    throw new Error(`Cannot start ${file}: ${(error as Error).message}\n${said}`, { cause: error })
  }
  return { url, exited, output: () => said, signal: (name) => void child.kill(name), stop }
}
