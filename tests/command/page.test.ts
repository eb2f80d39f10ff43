import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { startProgram } from '../deploy/program.ts'
import { toFreePort } from '../lab/free-port.ts'
import { bare, runCommand, sluice } from './run-command.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const page = readFileSync(`${root}docs/command.md`, 'utf8')
const blocks = [...page.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map(([, language = '', code = '']) => ({ language, code }))
const toCode = (name: string) => blocks.filter(({ language }) => language === name).map(({ code }) => code)

const [node = '', cli = ''] = sluice
let folder: string
let upstream: Upstream
const env = () => ({
  ...bare,
  PATH: [folder, dirname(node), process.env.PATH].join(delimiter),
  OLLAMA_HOST: upstream.url,
  PORT: '0',
  // npx must find the command in this folder, and ask nobody.
  npm_config_offline: 'true',
})

beforeAll(async () => {
  upstream = await startUpstream()
  folder = mkdtempSync(join(tmpdir(), 'sluice-page-'))
  symlinkSync(cli, join(folder, 'cli.js'))
  // npm makes such a file, too, on systems without symbolic links.
  writeFileSync(join(folder, 'sluice'), `#!/bin/sh\nexec node ${join(folder, 'cli.js')} "$@"\n`, { mode: 0o755 })
  const [file = ''] = toCode('dotenv')
  writeFileSync(join(folder, 'sluice.env'), file.replace('…', 'a'.repeat(64)))
})
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await upstream.close()
})

test('the page has no block that is not run here', () => {
  expect(new Set(blocks.map(({ language }) => language))).toEqual(new Set(['sh', 'dotenv', 'text']))
  expect(toCode('dotenv')).toHaveLength(1)
  expect(toCode('text')).toHaveLength(1)
})

describe.skipIf(process.platform === 'win32')('every command does what the page says', () => {
  const commands = toCode('sh').flatMap((code) => code.trim().split('\n'))
  const isStart = (command: string) => /^(?:\w+=\S+ )*sluice(?! (?:check|key) )(?! (?:check|key)$)/.test(command)

  test.each(commands.filter(isStart))('%s', async (command) => {
    const port = await toFreePort()
    const line = command
      .replace('--port 8090', `--port ${port}`)
      .replace('--ollama 127.0.0.1:11434', `--ollama ${upstream.url}`)
    const { url, end } = await startProgram(['sh', '-c', `exec env ${line}`], { cwd: folder, env: env() })
    if (line !== command) expect(new URL(url).port).toBe(`${port}`)
    const ready = await fetch(`${url}/readyz`)
    expect(await ready.json()).toMatchObject({ status: 'ready' })
    expect(await end('SIGTERM')).toBe(0)
  })

  test.each(commands.filter((command) => !isStart(command)))('%s', { timeout: 120_000 }, async (command) => {
    const cwd = /^np[mx] /.test(command) ? root : folder
    const outcome = await runCommand(['sh', '-c', command], { cwd, env: env() })
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
    if (command.includes('--file keys.json')) expect(outcome.stdout).toMatch(/keys\.json|carl/)
    else if (command.includes('key add'))
      expect(outcome.stdout).toMatch(/^ {2}(?:alice:[\da-f]{64}|bob:[\da-f]{64}:gemma3\*\|qwen3:8b)$/m)
    else if (command.includes('check')) expect(outcome.stdout).toMatch(/\n\nNothing is wrong\.\n$/)
    else if (command.includes('version')) expect(outcome.stdout).toMatch(/^sluice \d/)
    else expect(command).toBe('npm run build')
  })
})

test('what `sluice check --demo` prints is on the page', async () => {
  const { stdout } = await runCommand([...sluice, 'check', '--demo'], { env: { PORT: `${await toFreePort()}` } })
  const toStable = (text: string) =>
    text
      .replace(/^Sluice .*$/m, 'Sluice …')
      .replace('set are PORT, SLUICE_DEMO', 'set are SLUICE_DEMO')
      .replace(/\d+ of 127\.0\.0\.1 is free/, '… of 127.0.0.1 is free')
  expect(toStable(stdout)).toBe(toStable(toCode('text')[0] ?? ''))
})

test('the page and the help have the same flags', async () => {
  const { stdout } = await runCommand([...sluice, '--help'])
  const ofHelp = [...stdout.matchAll(/^ {2}(--[a-z-]+)/gm)].map(([, flag]) => flag)
  const ofPage = [...page.matchAll(/^\| `(--[a-z-]+)/gm)].map(([, flag]) => flag)
  expect([...ofPage, '--help', '--version']).toEqual(ofHelp)
})
