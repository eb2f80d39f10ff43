import { createHash } from 'node:crypto'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseKeys } from '../../src/config/key-file.ts'
import { runCommand, sluice } from './run-command.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-key-'))
  path = join(folder, 'keys.json')
})
afterEach(() => rmSync(folder, { recursive: true }))

const run = (...args: readonly string[]) =>
  runCommand([...sluice, 'key', ...args], { env: { SLUICE_API_KEYS_FILE: path }, cwd: folder })
const keys = () => parseKeys(readFileSync(path, 'utf8'))
const secretIn = (text: string) => /^ {2}(sluice-\S+)$/m.exec(text)?.[1] ?? ''
const hashOf = (secret: string) => createHash('sha256').update(secret).digest('hex')
const other = { name: 'bob', sha256: 'ab'.repeat(32), note: 'made by hand', streams: 2 }

describe('sluice key add', () => {
  test('makes the file, which its owner alone can read, and shows the secret', async () => {
    const outcome = await run('add', 'alice', 'gemma3*', 'qwen3:8b', '--admin', '--expires', '2027-01-31T12:00:00Z')
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
    const sha256 = hashOf(secretIn(outcome.stdout))
    const expiresAt = Date.UTC(2027, 0, 31, 12)
    expect(keys()).toEqual([{ name: 'alice', sha256, models: ['gemma3*', 'qwen3:8b'], admin: true, expiresAt }])
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(outcome.stdout).not.toContain(sha256)
    expect(readFileSync(path, 'utf8')).not.toContain(secretIn(outcome.stdout))
    expect(readdirSync(folder)).toEqual(['keys.json'])
  })

  test('adds to the keys that are there, and changes nothing of them, nor of the rights of the file', async () => {
    writeFileSync(path, JSON.stringify({ keys: [other] }))
    chmodSync(path, 0o640)
    expect(await run('add', 'alice')).toMatchObject({ status: 0, stderr: '' })
    expect((JSON.parse(readFileSync(path, 'utf8')) as { keys: unknown[] }).keys).toEqual([
      other,
      { name: 'alice', sha256: expect.any(String) },
    ])
    expect(statSync(path).mode & 0o777).toBe(0o640)
  })

  test('changes the target of a link', async () => {
    writeFileSync(join(folder, 'target.json'), '{"keys":[]}')
    symlinkSync('target.json', path)
    expect(await run('add', 'alice')).toMatchObject({ status: 0 })
    expect(keys()).toHaveLength(1)
    expect(readdirSync(folder).toSorted()).toEqual(['keys.json', 'target.json'])
    expect(parseKeys(readFileSync(join(folder, 'target.json'), 'utf8'))).toHaveLength(1)
  })

  test('--file wins over the environment', async () => {
    expect(await run('add', 'alice', '--file', 'mine.json')).toMatchObject({ status: 0 })
    expect(readdirSync(folder)).toEqual(['mine.json'])
  })

  test('fails while another program writes the file', async () => {
    writeFileSync(`${path}.new`, '')
    const { status, stderr } = await run('add', 'alice')
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: `sluice: cannot write ${path}.new: another program is writing the keys. If none is, remove this file\n`,
    })
  })
})

test('ten commands at once make ten keys, or say that they have not', async () => {
  const outcomes = await Promise.all(Array.from({ length: 10 }, (_, i) => run('add', `key-${i}`)))
  const made = outcomes.flatMap(({ status }, i) => (status === 0 ? [`key-${i}`] : []))
  expect(
    keys()
      .map(({ name }) => name)
      .toSorted(),
  ).toEqual(made)
})

test('sluice key list shows each key and its fields, and no hash', async () => {
  writeFileSync(path, JSON.stringify({ keys: [other, { name: 'alice', sha256: 'cd'.repeat(32), models: ['a', 'b*'] }] }))
  const { stdout } = await run('list')
  expect(stdout).toBe('bob  note=made by hand  streams=2\nalice  models=a|b*\n')
  writeFileSync(path, '{"keys":[]}')
  expect((await run('list')).stdout).toBe(`${path} has no key.\n`)
})

test('sluice key revoke takes a key away', async () => {
  await run('add', 'alice')
  await run('add', 'bob')
  expect(await run('revoke', 'alice')).toEqual({ status: 0, stdout: `${path} has no key alice any more.\n`, stderr: '' })
  expect(keys().map(({ name }) => name)).toEqual(['bob'])
})

test('sluice key rotate gives a key another secret, and keeps its fields and its place', async () => {
  writeFileSync(path, JSON.stringify({ keys: [other, { name: 'alice', sha256: 'cd'.repeat(32) }] }))
  const { stdout } = await run('rotate', 'bob')
  expect((JSON.parse(readFileSync(path, 'utf8')) as { keys: unknown[] }).keys).toEqual([
    { ...other, sha256: hashOf(secretIn(stdout)) },
    { name: 'alice', sha256: 'cd'.repeat(32) },
  ])
})

describe('a mistake changes nothing', () => {
  test.each<[string, readonly string[], string]>([
    ['a name that is there', ['add', 'bob'], 'PATH has a key bob already; sluice key rotate bob gives it another secret'],
    [
      'a time that is none',
      ['add', 'carl', '--expires', 'tomorrow'],
      'PATH: key 2: expires must be an ISO date and time with its zone, such as 2027-01-31T12:00:00Z',
    ],
    ['a name that is not there', ['revoke', 'carl'], 'PATH has no key of this name; sluice key list shows all'],
    ['a name that is not there', ['rotate', 'carl'], 'PATH has no key of this name; sluice key list shows all'],
    ['no name', ['revoke'], 'sluice key revoke needs the NAME of one key'],
    ['two names', ['rotate', 'bob', 'carl'], 'sluice key rotate needs the NAME of one key'],
    ['a word', ['list', 'bob'], 'sluice key list takes no word'],
    ['a file that is not there', ['list', '--file', 'none.json'], 'cannot read none.json: there is no such file or folder'],
    ['a flag of another command', ['list', '--admin'], '--admin has no meaning for sluice key list'],
  ])('%s: sluice key %j', async (_name, args, message) => {
    const text = JSON.stringify({ keys: [other] })
    writeFileSync(path, text)
    expect(await run(...args)).toEqual({ status: 1, stdout: '', stderr: `sluice: ${message.replace('PATH', path)}\n` })
    expect(readFileSync(path, 'utf8')).toBe(text)
    expect(readdirSync(folder)).toEqual(['keys.json'])
  })

  test('a file with mistakes is not written', async () => {
    writeFileSync(path, '{"keys":[{"name":"a"')
    expect(await run('add', 'carl')).toMatchObject({ status: 1, stderr: `sluice: ${path}: is no JSON, or only a part of it\n` })
  })

  test('without a file there is nothing to list', async () => {
    expect(await runCommand([...sluice, 'key', 'list'])).toMatchObject({
      status: 1,
      stderr: 'sluice: sluice key list needs --file FILE, or SLUICE_API_KEYS_FILE\n',
    })
    const { stderr } = await runCommand([...sluice, 'key', 'add', 'alice', '--admin'])
    expect(stderr).toContain('--admin and --expires need --file FILE')
  })
})

test('npm run key does the same', async () => {
  const script = fileURLToPath(new URL('../../src/runtimes/key.ts', import.meta.url))
  const npm = (...args: readonly string[]) =>
    runCommand([process.execPath, script, ...args], { env: { SLUICE_API_KEYS_FILE: path }, cwd: folder })
  expect(await npm('alice')).toMatchObject({ status: 0, stderr: '' })
  expect(await npm('add', 'bob')).toMatchObject({ status: 0, stderr: '' })
  expect((await npm('list')).stdout).toBe('alice\nbob\n')
  expect(await npm('revoke', 'alice')).toMatchObject({ status: 0 })
  expect((await npm('revoke', 'alice')).stderr).toContain('has no key of this name')
})
