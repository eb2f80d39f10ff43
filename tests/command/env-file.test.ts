import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { runCommand, sluice, sluiceOnBun } from './run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-env-'))
afterAll(() => rmSync(folder, { recursive: true }))

let count = 0
function write(content: string | Uint8Array): string {
  const path = join(folder, `${++count}.env`)
  writeFileSync(path, content)
  return path
}

/** Returns the variables that are set, and the default model, as `sluice check` prints them. */
async function check(args: readonly string[], env: Record<string, string> = {}, command = sluice) {
  const { stdout, stderr } = await runCommand([...command, 'check', '--demo', '--port', '0', ...args], { env })
  const [, set] = /^ok +configuration +set are (.*)$/m.exec(stdout) ?? []
  const [, model] = /^\w+ +default model +SLUICE_MODEL names ([^,]+),/m.exec(stdout) ?? []
  return { set: set?.split(', ').filter((name) => name !== 'PORT' && name !== 'SLUICE_DEMO'), model, stderr }
}
const read = (content: string | Uint8Array) => check(['--env-file', write(content)])
const ok = { set: ['SLUICE_MODEL'], model: 'mine', stderr: '' }

describe('a file is read', () => {
  test.each([
    ['with line feeds', 'SLUICE_MODEL=mine\n'],
    ['without a line feed at its end', 'SLUICE_MODEL=mine'],
    ['with the line ends of Windows', 'A=1\r\nSLUICE_MODEL=mine\r\nB=2\r\n'],
    ['with a byte order mark', '\uFEFFSLUICE_MODEL=mine\r\n'],
    ['with single quotes', "SLUICE_MODEL='mine'\n"],
    ['with double quotes', 'SLUICE_MODEL="mine"\n'],
    ['with comments, empty lines and spaces', '# a\n\n  \t\n  SLUICE_MODEL = mine # b\n'],
    ['with `export`', 'export SLUICE_MODEL=mine\n'],
    ['with a value of several lines that is not ours', 'KEY="-----BEGIN\nno assignment\nEND-----"\nSLUICE_MODEL=mine\n'],
    ['with the same name twice: the last one wins', 'SLUICE_MODEL=other\nSLUICE_MODEL=mine\n'],
    ['with an empty value, which counts as unset', 'SLUICE_LOG=\nSLUICE_MODEL=mine\n'],
  ])('%s', async (_, content) => {
    expect(await read(content)).toEqual(ok)
  })

  test('empty, and it sets nothing', async () => {
    expect(await read('')).toEqual({ set: [], model: undefined, stderr: '' })
  })

  test('and another after it, which wins; the environment wins over both, and a flag over all', async () => {
    const [one, two] = [write('SLUICE_MODEL=one\nOLLAMA_HOST=one\n'), write('SLUICE_MODEL=two\n')]
    const files = ['--env-file', one, `--env-file=${two}`]
    expect(await check(files)).toMatchObject({ model: 'two', set: ['OLLAMA_HOST', 'SLUICE_MODEL'] })
    expect(await check([`--env-file=${two}`, '--env-file', one])).toMatchObject({ model: 'one' })
    expect(await check(files, { SLUICE_MODEL: 'env' })).toMatchObject({ model: 'env' })
    const { stdout } = await runCommand([...sluice, 'check', '--port', '0', ...files, '--ollama', 'http://127.0.0.1:1'])
    expect(stdout).toContain('WRONG  Ollama         http://127.0.0.1:1 cannot be reached')
  })

  test('on Bun as on Node', async () => {
    const path = write('\uFEFFA=1\r\nSLUICE_MODEL="mine"\r\n')
    expect(await check(['--env-file', path], {}, sluiceOnBun)).toEqual(ok)
  })
})

describe('a mistake in a file is named by its line, without its text', () => {
  test.each([
    ['a line without =', 'SLUICE_MODEL=m\ncanary7f3a\n', 'line 2: it is not NAME=value'],
    ['a colon for =', 'SLUICE_MODEL: canary7f3a\n', 'line 1: it is not NAME=value'],
    ['a name with a space', 'SLUICE MODEL=canary7f3a\n', 'line 1: it is not NAME=value'],
    ['a name that is missing', '# a\n\n=canary7f3a\n', 'line 3: it is not NAME=value'],
    ['a quote that is not closed', 'A=1\r\nSLUICE_MODEL="canary7f3a\r\nB=2\r\n', 'line 2: its quote is not closed'],
    ['a program of a shell', 'if true; then\n  SLUICE_MODEL=canary7f3a\nfi\n', 'line 1: it is not NAME=value'],
  ])('%s', async (_, content, said) => {
    const path = write(content)
    expect(await check(['--env-file', path])).toMatchObject({ stderr: `sluice: ${path}, ${said}\n` })
  })

  test('UTF-16, as PowerShell may write it', async () => {
    const path = write(Buffer.from('\uFEFFSLUICE_MODEL=canary7f3a\r\n', 'utf16le'))
    expect(await check(['--env-file', path])).toMatchObject({ stderr: `sluice: cannot read ${path}: it is not UTF-8\n` })
  })

  test('a variable that Sluice does not know, or whose value it does not accept', async () => {
    const path = write('SLUICE_MODLE=canary7f3a\nSLUICE_GRACE_MS=canary7f3a\n')
    const { stderr, ...outcome } = await runCommand([...sluice, '--demo', '--port', '0', '--env-file', path])
    expect(outcome).toEqual({ status: 1, stdout: '' })
    expect(stderr).toBe(
      'Cannot start: the environment has mistakes\n' +
        'SLUICE_MODLE: no such variable; docs/protocol.md §8 lists them all\n' +
        'SLUICE_GRACE_MS: must be an integer from 0 to 2147483647\n',
    )
  })
})

describe('a file that cannot be read ends the start', () => {
  test('on Node, if there is none: Node itself says so, because it looks for this flag too', async () => {
    const path = join(folder, 'none.env')
    const { status, stdout, stderr } = await runCommand([...sluice, '--demo', '--env-file', path])
    expect({ status, stdout }).toEqual({ status: 9, stdout: '' })
    expect(stderr).toMatch(/^\S+node: \S+none\.env: not found\n$/)
  })

  test('on Bun, if there is none', async () => {
    const path = join(folder, 'none.env')
    const outcome = await runCommand([...sluiceOnBun, '--demo', '--env-file', path])
    expect(outcome).toEqual({ status: 1, stdout: '', stderr: `sluice: cannot read ${path}: there is no such file\n` })
  })

  test('if it is a folder', async () => {
    const { status, stdout, stderr } = await runCommand([...sluiceOnBun, '--demo', '--env-file', folder])
    expect({ status, stdout, stderr }).toEqual({
      status: 1,
      stdout: '',
      stderr: `sluice: cannot read ${folder}: it is a folder\n`,
    })
    expect((await runCommand([...sluice, '--demo', '--env-file', folder])).status).not.toBe(0)
  })

  test.skipIf(process.platform === 'win32')('if this user may not read it', async () => {
    const path = write('SLUICE_MODEL=m\n')
    chmodSync(path, 0)
    chmodSync(folder, 0o755)
    const { status, stderr } = await runCommand([...sluiceOnBun, 'check', '--env-file', path], { ids: nobody() })
    expect({ status, stderr }).toEqual({ status: 1, stderr: `sluice: cannot read ${path}: this user may not read it\n` })
  })
})

/** The user of a process that is not root. */
function nobody() {
  return process.getuid?.() === 0 ? { uid: 1000, gid: 1000 } : {}
}
