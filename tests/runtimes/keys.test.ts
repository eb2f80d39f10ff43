import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createKeyWatch } from '../../src/runtimes/keys.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-watch-'))
  path = join(folder, 'keys.json')
})
afterEach(() => rmSync(folder, { recursive: true }))

const toText = (...names: readonly string[]) =>
  JSON.stringify({ keys: names.map((name, i) => ({ name, sha256: `${i}`.padStart(64, '0') })) })

/** Watches the file. `names` has the names of each change. */
async function watch() {
  const names: string[] = []
  const lines: string[] = []
  const ring = { replace: (keys: readonly { name: string }[]) => void names.push(keys.map(({ name }) => name).join()) }
  const { look } = createKeyWatch({ path, ring, write: (line) => lines.push(line) })
  await look()
  return { look, names, lines }
}

describe('a watch', () => {
  test('takes a change that leaves the size, the inode and the time as they were, if the file is young', async () => {
    writeFileSync(path, toText('alice'))
    const { look, names } = await watch()
    const now = new Date()
    utimesSync(path, now, now)
    await look()
    writeFileSync(path, toText('carol'))
    utimesSync(path, now, now)
    await look()
    expect(names).toEqual(['alice', 'carol'])
  })

  test('takes another file of the same size and time', async () => {
    const before = new Date(Date.now() - 60_000)
    writeFileSync(path, toText('alice'))
    utimesSync(path, before, before)
    const { look, names } = await watch()
    writeFileSync(`${path}.next`, toText('carol'))
    utimesSync(`${path}.next`, before, before)
    renameSync(`${path}.next`, path)
    await look()
    expect(names).toEqual(['alice', 'carol'])
  })

  test('replaces no key and says nothing if only the time of the file is another one', async () => {
    writeFileSync(path, toText('alice'))
    const { look, names, lines } = await watch()
    const before = new Date(Date.now() - 60_000)
    utimesSync(path, before, before)
    for (let i = 0; i < 3; i++) await look()
    expect([names, lines]).toEqual([['alice'], []])
  })

  test('reads the file again if that is demanded, also while it reads', async () => {
    writeFileSync(path, toText('alice'))
    const { look, names, lines } = await watch()
    await Promise.all([look(), look(true)])
    await look()
    await look()
    expect(names).toEqual(['alice', 'alice'])
    expect(lines).toEqual(['SLUICE_API_KEYS_FILE: 1 key is valid from now on'])
  })

  test('says a mistake once for each text that has it', async () => {
    writeFileSync(path, toText('alice'))
    const { look, names, lines } = await watch()
    for (const text of ['{', '{{']) {
      writeFileSync(path, text)
      for (let i = 0; i < 3; i++) await look()
    }
    rmSync(path)
    for (let i = 0; i < 3; i++) await look()
    const stays = 'SLUICE_API_KEYS_FILE: the keys stay as they were'
    const broken = `SLUICE_API_KEYS_FILE: is no JSON, or only a part of it\n${stays}`
    expect(lines).toEqual([broken, broken, `SLUICE_API_KEYS_FILE: cannot be read: there is no such file\n${stays}`])
    expect(names).toEqual(['alice'])
  })
})
