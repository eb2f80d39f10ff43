import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { startUpstream } from '#fake-ollama/upstream.ts'
import { startProgram, type Program } from '../deploy/program.ts'
import { toFreePort } from '../lab/free-port.ts'
import { bare, runCommand, sluice, sluiceOnBun } from './run-command.ts'

async function start(command: readonly string[], env: Readonly<Record<string, string | undefined>> = {}): Promise<Program> {
  const program = await startProgram(command, { env: { ...bare, ...env } })
  onTestFinished(() => void program.end('SIGKILL'))
  return program
}

const ask = async ({ url }: Program, path: string) => (await fetch(`${url}${path}`)).json() as Promise<unknown>
const isReady = async (program: Program) => ((await ask(program, '/readyz')) as { status: string }).status === 'ready'

describe.each([
  ['node', sluice],
  ['bun', sluiceOnBun],
])('on %s', (_, command) => {
  test('sluice starts the service with the environment, and ends with 0 at a signal', async () => {
    const upstream = await startUpstream()
    onTestFinished(() => upstream.close())
    const program = await start(command, { PORT: '0', OLLAMA_HOST: upstream.url })
    expect(await isReady(program)).toBe(true)
    expect(await program.end('SIGTERM')).toBe(0)
  })

  test('flags set what the variables set, and win over them', async () => {
    const upstream = await startUpstream()
    onTestFinished(() => upstream.close())
    const port = await toFreePort()
    const args = ['--port', `${port}`, '--host=localhost', '--ollama', upstream.url]
    const env = { PORT: '1', HOST: '0.0.0.0', OLLAMA_HOST: 'http://127.0.0.1:1', SLUICE_DEMO: '1' }
    const program = await start([...command, ...args], env)
    expect(new URL(program.url).port).toBe(`${port}`)
    expect(await isReady(program)).toBe(true)
    expect(upstream.requests.map(({ target }) => target)).toContain('/api/version')
  })

  test.each(['demo', '--demo'])('sluice %s starts the demo, without Ollama', async (word) => {
    const program = await start([...command, word, '--port', '0'], { OLLAMA_HOST: 'http://127.0.0.1:1' })
    expect(await isReady(program)).toBe(true)
    expect(await ask(program, '/api/tags')).toMatchObject({ models: [{ name: 'demo:latest' }, {}, {}, {}] })
  })

  test('a mistake in the environment ends the start, as it does without the command', async () => {
    const { status, stdout, stderr } = await runCommand([...command, '--demo'], { env: { PORT: '99999' } })
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toBe('Cannot start: the environment has mistakes\nPORT: must be an integer from 0 to 65535\n')
  })

  test('if its standard output is closed, the service goes on and says nothing', async () => {
    const port = await toFreePort()
    const [file, ...args] = [...command, 'demo', '--port', `${port}`]
    const child = spawn(file, args, { env: bare, stdio: ['ignore', 'pipe', 'pipe'] })
    onTestFinished(() => void child.kill('SIGKILL'))
    child.stdout.destroy()
    let errors = ''
    child.stderr.on('data', (data: Buffer) => (errors += data.toString()))
    const url = `http://127.0.0.1:${port}`
    await expect.poll(async () => (await fetch(`${url}/ping`).catch(() => undefined))?.status).toBe(200)
    for (let i = 0; i < 10; i++) expect((await fetch(`${url}/ping`)).status).toBe(200)
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
    expect(errors).toBe('')
  })
})

/** The first port that needs no rights. In a container it may be 0. */
const firstFree = () => Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'))

test.skipIf(process.platform !== 'linux' || firstFree() <= 80)('a port that needs rights', async () => {
  const ids = process.getuid?.() === 0 ? { uid: 1000, gid: 1000 } : {}
  expect(await runCommand([...sluice, 'demo', '--port', '80'], { ids })).toEqual({
    status: 1,
    stdout: '',
    stderr: 'Cannot listen: port 80 needs rights that this user does not have; set another one with PORT\n',
  })
})

test('a port in use', async () => {
  const { url } = await start([...sluice, 'demo', '--port', '0'])
  const { port } = new URL(url)
  const { status, stderr } = await runCommand([...sluice, 'demo', '--port', port])
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: `Cannot listen: port ${port} of 127.0.0.1 is in use; set another one with PORT, or 0 for any free port\n`,
  })
})

describe('Node’s flags', () => {
  /** Makes a process print its flags when it ends. */
  const toldFlags = (env: Record<string, string> = {}) => {
    const code = 'process.on("exit",()=>console.error(process.pid+" "+process.execArgv.join(" ")))'
    return { ...env, NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(code)} ${env.NODE_OPTIONS ?? ''}` }
  }

  /** Starts the demo and ends it. Returns its flags. */
  async function flagsOf(command: readonly string[], env: Record<string, string> = {}) {
    const [file, ...args] = [...command, 'demo', '--port', '0']
    const child = spawn(file, args, { env: { ...bare, ...toldFlags(env) }, stdio: ['ignore', 'pipe', 'pipe'] })
    onTestFinished(() => void child.kill('SIGKILL'))
    let said = ''
    child.stderr.on('data', (data: Buffer) => (said += data.toString()))
    await once(child.stdout, 'data')
    child.kill('SIGTERM')
    await once(child, 'close')
    return said.replace(`${child.pid} `, 'same process: ').trim()
  }

  test.skipIf(process.platform === 'win32')('are those of npm start, in the same process', async () => {
    expect(await flagsOf(sluice)).toBe('same process: --max-semi-space-size=8 --enable-source-maps')
  })

  test('that somebody has set stay', async () => {
    const [node = '', cli = ''] = sluice
    expect(await flagsOf([node, '--max-semi-space-size=16', cli])).toBe('same process: --max-semi-space-size=16')
    expect(await flagsOf(sluice, { NODE_OPTIONS: '--max-semi-space-size=16' })).toBe('same process:')
    if (process.platform !== 'win32')
      expect(await flagsOf([node, '--stack-trace-limit=20', cli])).toBe(
        'same process: --stack-trace-limit=20 --max-semi-space-size=8 --enable-source-maps',
      )
  })
})

describe.skipIf(process.platform !== 'linux')('--open', () => {
  let folder: string
  const opened = () => join(folder, 'opened')
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-open-'))
    writeFileSync(join(folder, 'xdg-open'), `#!/bin/sh\necho "$@" >${opened()}.part && mv ${opened()}.part ${opened()}\n`)
    chmodSync(join(folder, 'xdg-open'), 0o755)
  })
  afterEach(() => rmSync(folder, { recursive: true }))
  const path = () => `${folder}${delimiter}${process.env.PATH}`

  test.each([
    ['node', sluice],
    ['bun', sluiceOnBun],
  ])('on %s opens the page once the server listens', async (_, command) => {
    const env = { DISPLAY: ':0', PATH: path(), SLUICE_BASE: '/ai' }
    const { url } = await start([...command, 'demo', '--open', '--port', '0'], env)
    expect(url).toMatch(/\/ai$/)
    await expect.poll(() => existsSync(opened())).toBe(true)
    expect(readFileSync(opened(), 'utf8')).toBe(`${url}\n`)
    expect(await (await fetch(url, { headers: { accept: 'text/html' } })).text()).toContain('<!doctype html>')
  })

  test('does nothing without a display', async () => {
    const program = await start([...sluice, 'demo', '--open', '--port', '0'], { PATH: path() })
    expect(await isReady(program)).toBe(true)
    expect(await program.end('SIGTERM')).toBe(0)
    expect(existsSync(opened())).toBe(false)
  })

  test('does nothing without a program that opens pages', async () => {
    const [file, ...args] = [...sluice, 'demo', '--open', '--port', '0']
    const child = spawn(file, args, { env: { PATH: '/nonexistent', DISPLAY: ':0' }, stdio: ['ignore', 'pipe', 'pipe'] })
    onTestFinished(() => void child.kill('SIGKILL'))
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (said += data.toString()))
    await expect.poll(() => said).toContain('\nTry: curl')
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
    expect(said.trim().split('\n')).toHaveLength(2)
  })
})

describe('a pipe that is closed early', () => {
  test.each(['--help', '--version', 'key add alice', 'check --demo --port 0', '--wrong'])(
    'sluice %s ends quietly',
    async (line) => {
      const [file = '', ...args] = [...sluice, ...line.split(' ')]
      const child = spawn(file, args, { env: bare, stdio: ['ignore', 'pipe', 'pipe'] })
      child.stdout.destroy()
      let errors = ''
      child.stderr.on('data', (data: Buffer) => (errors += data.toString()))
      const [status] = (await once(child, 'close')) as [number]
      expect(errors).not.toContain('    at ')
      expect({ status, errors }).toMatchObject(line === '--wrong' ? { status: 1 } : { status: 0, errors: '' })
    },
  )
})

test('a first run by somebody who has read only --help: the demo, then a check, then answers by Ollama', async () => {
  const { stdout: help } = await runCommand([...sluice, '--help'])
  const steps = [...help.matchAll(/^ {2}\d\. (\S+(?: \S+)*) {2}/gm)].map(([, step = '']) => step)
  expect(steps).toEqual(['sluice demo --open', 'ollama pull gemma3:270m', 'sluice check', 'sluice --open'])
  const [demo = [], , check = [], open = []] = steps.map((step) => step.split(' ').slice(1))
  const [, port] = /127\.0\.0\.1:(\d+)/.exec(help) ?? []
  expect(port).toBe('8083')
  const chat = async ({ url }: Program) => {
    const page = await (await fetch(url, { headers: { accept: 'text/html' } })).text()
    expect(page).toContain('<script')
    const answer = await fetch(`${url}/chat`, { method: 'POST', body: '{"text":"Hi"}' })
    expect(await answer.text()).toContain('event: done')
  }
  // The tests use any free port, because others may have 8083.
  const made = await start([...sluice, ...demo], { PORT: '0' })
  await chat(made)
  expect(await made.end('SIGINT')).toBe(0)

  const upstream = await startUpstream()
  onTestFinished(() => upstream.close())
  const env = { OLLAMA_HOST: upstream.url, PORT: '0' }
  expect(await runCommand([...sluice, ...check], { env })).toMatchObject({ status: 0, stderr: '' })
  await chat(await start([...sluice, ...open], env))
})
