import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ChatOptions, streamChat } from '#client'
import { toFreePort } from './lab/free-port.ts'

interface Client {
  readonly streamChat: typeof streamChat
}

const root = fileURLToPath(new URL('../', import.meta.url))
const run = promisify(execFile)

/** Returns the shell blocks of a page. `isRun` is false for blocks marked `not run in CI`. */
function toBlocks(page: string): { commands: string[]; isRun: boolean }[] {
  const text = readFileSync(join(root, page), 'utf8')
  return [...text.matchAll(/^```sh(.*)\n([\s\S]*?)^```$/gm)].map(([, mark = '', body = '']) => ({
    commands: body.trim().split('\n'),
    isRun: mark.trim() !== 'not run in CI',
  }))
}

const commands = toBlocks('README.md')
  .filter(({ isRun }) => isRun)
  .flatMap((block) => block.commands)

test('only what needs Docker or a Cloudflare account is not run', () => {
  const notRun = toBlocks('README.md').filter(({ isRun }) => !isRun)
  expect(notRun).toHaveLength(3)
  for (const block of notRun) expect(block.commands.join('\n')).toMatch(/^docker |npm run deploy/m)
})

test('the Chinese page has the same commands and the same code', () => {
  expect(toBlocks('README.zh-CN.md')).toEqual(toBlocks('README.md'))
  const toCode = (page: string) => /^```js\n[\s\S]*?^```$/m.exec(readFileSync(join(root, page), 'utf8'))?.[0]
  expect(toCode('README.zh-CN.md')).toBe(toCode('README.md'))
})

describe('every command does what the README says, in a fresh copy', () => {
  let folder: string
  let started: { child: ChildProcess; port: number } | undefined

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-readme-'))
    const { stdout } = await run('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], { cwd: root })
    for (const file of new Set(stdout.split('\0').filter((name) => name && existsSync(join(root, name)))))
      cpSync(join(root, file), join(folder, file), { recursive: true })
  })
  afterAll(async () => {
    await stop()
    rmSync(folder, { recursive: true, force: true })
  })

  async function stop() {
    if (!started) return
    const { child } = started
    started = undefined
    process.kill(-child.pid!, 'SIGTERM')
    await once(child, 'exit')
  }

  /** Starts a command on a free port, and returns its output once the server listens. */
  async function start(command: string, isListening: RegExp): Promise<string> {
    await stop()
    const port = await toFreePort()
    const env = { ...newcomer(), PORT: `${port}` }
    const child = spawn('sh', ['-c', command.replace(/--port \d+/, `--port ${port}`)], {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    let said = ''
    await new Promise<void>((resolve, reject) => {
      const hear = (data: Buffer) => {
        said += data.toString()
        if (isListening.test(said)) resolve()
      }
      child.stdout.on('data', hear)
      child.stderr.on('data', hear)
      child.once('exit', (status) => reject(new Error(`${command} ended with ${status}:\n${said}`)))
    })
    started = { child, port }
    return said
  }

  const ask = async (path: string) => (await fetch(`http://127.0.0.1:${started?.port}${path}`)).json()

  /** How each command is executed. A command that is not in this table fails the test. */
  const executed: Record<string, (command: string) => Promise<void>> = {
    async 'npm ci'(command) {
      await run('sh', ['-c', command], { cwd: folder, env: newcomer() })
    },
    async 'npm run demo'(command) {
      const said = await start(command, /Try: curl -N/)
      expect(said).toContain('made up')
      expect(await ask('/ping')).toEqual({ message: 'OK' })
    },
    async 'npm start'(command) {
      await start(command, /listens on/)
      expect(await ask('/healthz')).toEqual({ status: 'ok' })
    },
    async 'npm run start:bun'(command) {
      await start(command, /listens on/)
      expect(await ask('/healthz')).toEqual({ status: 'ok' })
    },
    async 'npm run start:deno'(command) {
      await start(command, /listens on/)
      expect(await ask('/healthz')).toEqual({ status: 'ok' })
    },
    async 'npm run start:worker'(command) {
      await start(command, /Ready on/)
      expect(await ask('/readyz')).toMatchObject({ status: 'ready' })
    },
    async 'npm run key'(command) {
      const { stdout } = await run('sh', ['-c', command], { cwd: folder, env: newcomer() })
      expect(stdout).toMatch(/^ {2}sluice-[\w-]{43}$/m)
      expect(stdout).toMatch(/^ {2}alice:[\da-f]{64}$/m)
    },
    async curl(command) {
      const asked = run('sh', ['-c', command.replace('127.0.0.1:8083', `127.0.0.1:${started?.port}`)], { cwd: folder })
      // If an answer in plain text fails, Sluice breaks the connection. curl then reports a partial
      // file (exit status 18).
      if (command.includes('text/plain'))
        return expect(asked).rejects.toMatchObject({ code: 18, stdout: expect.stringMatching(/\w/) })
      const { stdout } = await asked
      expect(stdout.startsWith(':\n')).toBe(true)
      const terminals = stdout.match(/^event: (done|failed)$|^data: \[DONE\]$/gm)
      const success = command.includes('/v1/') ? 'data: [DONE]' : 'event: done'
      expect(terminals).toEqual([command.includes('/fail') ? 'event: failed' : success])
    },
  }
  const toRow = (command: string) =>
    Object.keys(executed).findLast((name) => command === name || command.startsWith(`${name} `)) ?? command

  for (const command of commands) {
    test(command, { timeout: 240_000 }, async () => {
      const execute = executed[toRow(command)]
      expect(execute, 'no way to execute this command').toBeDefined()
      await execute!(command)
    })
  }

  test('the code for the browser reads a stream to its end', async () => {
    await start('npm run demo', /Try: curl -N/)
    const url = `http://127.0.0.1:${started?.port}`
    const [, code = ''] = /^```js\n([\s\S]*?)^```$/m.exec(readFileSync(join(root, 'README.md'), 'utf8')) ?? []
    const [, path, body = ''] = /^import \{ streamChat \} from '(.*)'\n([\s\S]*)$/.exec(code) ?? []
    const client = await (await fetch(`${url}${path}`)).text()
    const { streamChat } = (await import(`data:text/javascript,${encodeURIComponent(client)}`)) as Client
    const AsyncFunction = (async () => {}).constructor as new (...args: string[]) => (...args: unknown[]) => Promise<void>
    const shown: string[] = []
    await new AsyncFunction('streamChat', 'signal', 'show', body)(
      (options: ChatOptions) => streamChat({ ...options, url: `${url}${String(options.url)}` }),
      undefined,
      (text: string) => shown.push(text),
    )
    expect(shown.length).toBeGreaterThan(5)
  })
})

/**
 * Returns the environment of somebody who has just cloned the repository: no settings, and none of
 * our tools on the PATH.
 */
function newcomer(): NodeJS.ProcessEnv {
  const path = (process.env.PATH ?? '').split(':').filter((folder) => !folder.startsWith(root))
  return { HOME: process.env.HOME, PATH: path.join(':'), CI: '1', WRANGLER_SEND_METRICS: 'false' }
}
