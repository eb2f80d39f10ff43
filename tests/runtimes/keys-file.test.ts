import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { silent, thenSilent } from '#fake-ollama/scripts.ts'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { surfaces, toEnding } from '../surfaces.ts'
import { generate, read, readAll, readFailure, type Reader } from './reader.ts'
import { refusalOf, startServer, type Server } from './server.ts'

const toHash = (name: string) => createHash('sha256').update(toSecret(name)).digest('hex')
const toSecret = (name: string) => `secret-of-${name}`
const toKey = (name: string, more: object = {}) => ({ name, sha256: toHash(name), ...more })
const toText = (...keys: readonly object[]) => JSON.stringify({ keys })
const as = (name: string) => ({ authorization: `Bearer ${toSecret(name)}` })

let folder: string
let path: string
let upstream: Upstream
beforeAll(async () => {
  upstream = await startUpstream()
})
afterAll(() => upstream.close())
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-keys-'))
  path = join(folder, 'keys.json')
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Changes the file as programs do that care: at once. */
function put(text: string) {
  writeFileSync(`${path}.next`, text, { mode: 0o600 })
  renameSync(`${path}.next`, path)
}

describe.each(['node', 'bun', 'deno'] as const)('a file of keys on %s', (runtime) => {
  let server: Server
  const start = async (env: Readonly<Record<string, string>> = {}) => {
    server = await startServer(runtime, {
      OLLAMA_HOST: upstream.url,
      SLUICE_API_KEYS_FILE: path,
      SLUICE_LOG: 'silent',
      SLUICE_GRACE_MS: '0',
      ...env,
    })
  }
  afterEach(() => server?.stop())

  const statusOf = async (name: string) =>
    (await readAll(read(server, { path: '/api/version', headers: name ? as(name) : {} }))).status
  const untilStatus = (name: string, status: number) => expect.poll(() => statusOf(name), { interval: 50 }).toBe(status)
  const ask = (name: string, more: Readonly<Record<string, string>> = {}): Reader =>
    generate(server, 'sse', upstream.script(thenSilent(1)), { headers: { ...as(name), ...more } })
  const begin = async (...args: Parameters<typeof ask>) => {
    const reader = ask(...args)
    await reader.until((text) => text.includes(' token'))
    return reader
  }

  test('says who may ask; a new key is valid, and a removed one is not, without a restart', async () => {
    put(toText(toKey('alice')))
    await start()
    expect(await Promise.all(['alice', 'bob', ''].map(statusOf))).toEqual([200, 401, 401])
    put(toText(toKey('alice'), toKey('bob')))
    await untilStatus('bob', 200)
    put(toText(toKey('bob')))
    await untilStatus('alice', 401)
    expect(await Promise.all(['alice', 'bob', ''].map(statusOf))).toEqual([401, 200, 401])
    expect(server.errors()).toBe(
      'SLUICE_API_KEYS_FILE: 2 keys are valid from now on\nSLUICE_API_KEYS_FILE: 1 key is valid from now on\n',
    )
  })

  test('with another secret for a name ends the stream tokens of the old one, also if it was away between', async () => {
    put(toText(toKey('alice')))
    await start({ SLUICE_TOKEN_SECRET: 'a secret for tests, of 40 characters ...' })
    const { text } = await readAll(read(server, { path: '/tokens', body: { expires_in: 86_400 }, headers: as('alice') }))
    const { token } = JSON.parse(text) as { token: string }
    const statusOfToken = async () =>
      (await readAll(read(server, { path: '/api/version', headers: { authorization: `Bearer ${token}` } }))).status
    expect(await statusOfToken()).toBe(200)
    put(toText({ ...toKey('alice'), sha256: toHash('new') }))
    await untilStatus('new', 200)
    expect(await statusOfToken()).toBe(401)
    put(toText())
    await untilStatus('new', 401)
    put(toText({ ...toKey('alice'), sha256: toHash('newer') }))
    await untilStatus('newer', 200)
    expect(await statusOfToken()).toBe(401)
  })

  test('may be a link whose target is swapped, as in Kubernetes', async () => {
    // keys.json -> ..data/keys.json, ..data -> the folder of one version.
    const mount = (version: string, text: string) => {
      mkdirSync(join(folder, version))
      writeFileSync(join(folder, version, 'keys.json'), text)
      symlinkSync(version, join(folder, '..data_tmp'))
      renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
    }
    mount('..one', toText(toKey('alice')))
    symlinkSync('..data/keys.json', path)
    await start()
    expect(await statusOf('alice')).toBe(200)
    mount('..two', toText(toKey('bob')))
    await untilStatus('bob', 200)
    expect(await statusOf('alice')).toBe(401)
  })

  test('is read again at SIGHUP, and the process goes on', async () => {
    put(toText(toKey('alice')))
    await start()
    server.signal('SIGHUP')
    await expect.poll(() => server.errors()).toBe('SLUICE_API_KEYS_FILE: 1 key is valid from now on\n')
    expect(await statusOf('alice')).toBe(200)
  })

  test('with mistakes leaves the keys as they were, and says so once for each change', async () => {
    put(toText(toKey('alice')))
    await start()
    const stays = 'SLUICE_API_KEYS_FILE: the keys stay as they were\n'
    let said = ''
    const expectToSay = async (line: string) => {
      said += `SLUICE_API_KEYS_FILE: ${line}\n${stays}`
      await expect.poll(() => server.errors()).toBe(said)
    }
    const whole = toText(toKey('alice'), toKey('bob'))
    writeFileSync(path, whole.slice(0, 90)) // half written
    await expectToSay('is no JSON, or only a part of it')
    put(toText(toKey('bob'), toKey('bob', { sha256: '0'.repeat(64) })))
    await expectToSay('key 2: name is the same as that of key 1')
    rmSync(path)
    await expectToSay('cannot be read: there is no such file')
    put('x'.repeat(9_000_000))
    await expectToSay('is larger than 8388608 bytes')
    put(whole)
    chmodSync(path, 0o666)
    await expectToSay('everybody may write it; take this right away (chmod o-w)')
    expect(await Promise.all(['alice', 'bob'].map(statusOf))).toEqual([200, 401])
    chmodSync(path, 0o600)
    await untilStatus('bob', 200)
    expect(server.errors()).toBe(`${said}SLUICE_API_KEYS_FILE: 2 keys are valid from now on\n`)
  })

  test('without a key in it lets nobody in', async () => {
    put(toText())
    await start({ HOST: '0.0.0.0' })
    expect(await Promise.all(['alice', ''].map(statusOf))).toEqual([401, 401])
    put(toText(toKey('alice')))
    await untilStatus('alice', 200)
    put(toText())
    await untilStatus('alice', 401)
  })

  test.each([
    ['is missing', () => {}, 'cannot be read: there is no such file'],
    ['is empty', () => put(''), 'is empty; a file without keys has {"keys":[]}'],
    ['is a folder', () => mkdirSync(path), 'is no file'],
    ['is not UTF-8', () => writeFileSync(path, Buffer.from([0x7b, 0xff])), 'is not UTF-8'],
    ['has a wrong key', () => put(toText(toKey('alice', { admin: 'yes' }))), 'key 1: admin must be true or false'],
  ])('that %s ends the start with its mistake', async (_name, prepare, mistake) => {
    prepare()
    expect(await refusalOf(runtime, { OLLAMA_HOST: upstream.url, SLUICE_API_KEYS_FILE: path })).toMatch(
      new RegExp(
        `ended with 1\nCannot start: the environment has mistakes\nSLUICE_API_KEYS_FILE: ${mistake.replaceAll(/[{}[\]()]/g, '\\$&')}\n$`,
      ),
    )
  })

  test('beside SLUICE_API_KEYS is a mistake', async () => {
    put(toText(toKey('alice')))
    const env = { SLUICE_API_KEYS_FILE: path, SLUICE_API_KEYS: `bob:${toHash('bob')}` }
    expect(await refusalOf(runtime, env)).toContain('SLUICE_API_KEYS: must be unset, because SLUICE_API_KEYS_FILE has all keys')
  })

  test('a revoked key’s answers end within a second, on every surface, each with its failure; others go on', async () => {
    put(toText(toKey('alice'), toKey('bob')))
    await start()
    const streaming = surfaces.filter(({ streams }) => streams)
    const readers = await Promise.all(
      streaming.map(async ({ path, body, streams }) => {
        const model = upstream.script(thenSilent(1))
        const reader = read(server, { path, body: { ...body, ...streams, model }, headers: as('alice') })
        await reader.until((text) => text.includes(' token'))
        return { reader, exchange: (await upstream.next(model)).exchange }
      }),
    )
    const others = await begin('bob')
    // A request that has no answer yet gets its status.
    const early = upstream.script(silent())
    const folded = readFailure(generate(server, 'folded', early, { headers: as('alice') }))
    await upstream.next(early)

    put(toText(toKey('bob')))
    const changedAt = performance.now()
    await Promise.all(readers.map(({ reader }) => reader.ended))
    expect(performance.now() - changedAt).toBeLessThan(1000)
    for (const [i, { reader, exchange }] of readers.entries()) {
      const { headers, status, text, ended } = await readAll(reader)
      expect(ended).toBe('clean')
      expect(toEnding(streaming[i]!, { status, contentType: headers['content-type'], text })).toBe('failed')
      expect(text).toContain('The key of this answer is no longer valid')
      await exchange.closedByReader // the GPU stops
    }
    expect(await folded).toMatchObject({ status: 401, code: 'unauthorized' })
    expect(others.isEnded).toBe(false)
    others.leave()
  })

  test('a revoked key’s answer without a reader ends, too, and nobody may read it', async () => {
    put(toText(toKey('alice')))
    await start()
    const model = upstream.script(thenSilent(1))
    const reader = generate(server, 'sse', model, { headers: { ...as('alice'), prefer: 'resume' } })
    await reader.until((text) => text.includes(' token'))
    const { exchange } = await upstream.next(model)
    reader.leave()
    const background = upstream.script(thenSilent(1))
    const body = { model: background, input: 'Hi', background: true }
    await readAll(read(server, { path: '/v1/responses', body, headers: as('alice') }))
    const inBackground = (await upstream.next(background)).exchange
    put(toText())
    await Promise.all([exchange.closedByReader, inBackground.closedByReader])
    expect(await statusOf('alice')).toBe(401)
  })

  test('a viewer of a revoked key gets the terminal', async () => {
    put(toText(toKey('alice')))
    await start()
    const reader = await begin('alice', { prefer: 'resume' })
    const run = String((await reader.head).headers['content-location'])
    const viewer = read(server, { path: run, headers: as('alice') })
    await viewer.until((text) => text.includes(' token'))
    put(toText())
    for (const { text, ended } of [await readAll(reader), await readAll(viewer)]) {
      expect(text).toMatch(/event: failed\ndata: .*"code":"unauthorized".*\nid: .*\n\n$/)
      expect(ended).toBe('clean')
    }
  })

  test('a key with another secret keeps its answers, and its old secret is not valid', async () => {
    put(toText(toKey('alice')))
    await start()
    const reader = await begin('alice')
    put(toText({ name: 'alice', sha256: toHash('alice-2') }))
    await untilStatus('alice-2', 200)
    expect(await statusOf('alice')).toBe(401)
    expect(reader.isEnded).toBe(false)
    reader.leave()
  })

  test('an expired key is told so, and its answers end', async () => {
    put(toText(toKey('old', { expires: '2020-01-31T12:00:00Z' }), toKey('soon', { expires: toTime(Date.now() + 3000) })))
    await start()
    const failure = await readFailure(read(server, { path: '/api/version', headers: as('old') }))
    expect(failure).toMatchObject({ status: 401, code: 'unauthorized', error: 'This key has expired; ask for a new one' })
    const reader = await begin('soon')
    await reader.until((text) => text.includes('"code":"unauthorized"'))
    expect(await statusOf('soon')).toBe(401)
  })

  test('a key has limits of its own, which change with the file', async () => {
    put(toText(toKey('alice', { streams: 1 }), toKey('bob', { streams: 0, requests_per_minute: 2 })))
    await start({ SLUICE_MAX_STREAMS_PER_KEY: '2' })
    const first = await begin('alice')
    expect(await readFailure(ask('alice'))).toMatchObject({
      status: 429,
      error: expect.stringContaining('More than 1 answers'),
    })
    const answer = await readAll(read(server, { path: '/api/version', headers: as('bob') }))
    expect(answer.headers).toMatchObject({ 'ratelimit-policy': '"minute";q=2;w=60', ratelimit: '"minute";r=1;t=0' })
    expect([await statusOf('bob'), await statusOf('bob')]).toEqual([200, 429])
    put(toText(toKey('alice'), toKey('carl')))
    await untilStatus('carl', 200)
    const second = await begin('alice')
    expect(await readFailure(ask('alice'))).toMatchObject({
      status: 429,
      error: expect.stringContaining('More than 2 answers'),
    })
    first.leave()
    second.leave()
  })
})

const toTime = (ms: number) => new Date(ms).toISOString()
