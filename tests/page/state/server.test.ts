import { createHash } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { createAsk } from '#page/state/ask.ts'
import { createSafeStorage } from '#page/storage/safe-storage.ts'
import { createKey } from '#page/state/key.ts'
import { createModels } from '#page/state/models.ts'
import { createServer } from '#page/state/server.ts'
import { startUpstream } from '#fake-ollama/upstream.ts'
import type { Upstream } from '#fake-ollama/upstream.ts'
import { startServer } from '../../runtimes/server.ts'
import type { Server } from '../../runtimes/server.ts'
import { createFakeHost, createStores } from './fake-host.ts'
import type { FakeHost } from './fake-host.ts'

let upstream: Upstream
let open: Server
let locked: Server
const undo: (() => void)[] = []
const secret = 'a-secret-of-the-reader'

beforeAll(async () => {
  upstream = await startUpstream()
  const env = { OLLAMA_HOST: upstream.url, SLUICE_LOG: 'silent' }
  const hash = createHash('sha256').update(secret).digest('hex')
  ;[open, locked] = await Promise.all([
    startServer('node', env),
    startServer('node', { ...env, SLUICE_API_KEYS: `reader:${hash}` }),
  ])
})
afterEach(() => undo.splice(0).forEach((one) => one()))
afterAll(async () => {
  await Promise.all([open.stop(), locked.stop()])
  await upstream.close()
})

function createParts(host: FakeHost) {
  const tab = createSafeStorage(host, 'sessionStorage')
  const key = createKey(tab, createSafeStorage(host, 'localStorage'))
  const ask = createAsk(host, key)
  const models = createModels(ask, tab)
  return { key, models, server: createServer({ host, ask, key, models }) }
}

test('a server that answers is ready, with its version and models', async () => {
  const { server, models } = createParts(createFakeHost({ url: open.url }))
  expect(server.state.value).toEqual({ kind: 'starting' })
  await server.check()
  expect(server.state.value).toEqual({ kind: 'ready', version: '0.0.0', isDemo: false })
  expect(models.all.value.map(({ name }) => name)).toContain('smollm2:135m')
})

test('a server without models is empty, and the page asks again until there are some', async () => {
  const host = createFakeHost({ url: open.url })
  const { server } = createParts(host)
  const putBack = upstream.on('GET /api/tags', (exchange) => {
    exchange.head(200, { 'content-type': 'application/json' })
    exchange.chunk('{"models":[]}')
    exchange.end()
  })
  await server.check()
  expect(server.state.value).toEqual({ kind: 'empty' })
  putBack()
  host.dispatch('online')
  await expect.poll(() => server.state.value.kind).toBe('ready')
})

test('an unreachable Ollama is told from an unreachable Sluice, and the page recovers from both', async () => {
  let url = 'http://127.0.0.1:9'
  const host = createFakeHost({ url: () => url, hurry: 20 })
  const { server } = createParts(host)
  await server.check()
  expect(server.state.value).toMatchObject({ kind: 'unreachable', service: 'sluice' })
  url = open.url
  await upstream.stop()
  host.show()
  await expect
    .poll(() => server.state.value)
    .toMatchObject({ kind: 'unreachable', service: 'ollama', text: expect.stringMatching(/./) as string })
  await upstream.start()
  await expect.poll(() => server.state.value.kind).toBe('ready')
})

test('the page waits twice as long before each check, at most 30 s, and 2 s again after a success', async () => {
  let isGone = true
  const fetch = () =>
    isGone ? Promise.reject(new TypeError('Failed to fetch')) : Promise.resolve(Response.json({ models: [{ name: 'a' }] }))
  const host = createFakeHost({ url: '', fetch, hurry: 10_000 })
  const { server } = createParts(host)
  await server.check()
  await expect.poll(() => host.waitsMs.slice(0, 6)).toEqual([2000, 4000, 8000, 16_000, 30_000, 30_000])
  isGone = false
  await expect.poll(() => server.state.value.kind).toBe('ready')
  isGone = true
  const before = host.waitsMs.length
  await server.check()
  expect(host.waitsMs[before]).toBe(2000)
})

test('a server that is not Sluice counts as unreachable', async () => {
  const host = createFakeHost({ url: '', fetch: () => Promise.resolve(new Response('<h1>Router</h1>')) })
  const { server } = createParts(host)
  await server.check()
  expect(server.state.value).toEqual({ kind: 'unreachable', service: 'sluice', text: '' })
})

test('a hidden page does not ask again before it is seen', async () => {
  const host = createFakeHost({ url: 'http://127.0.0.1:9' })
  const { server } = createParts(host)
  await server.check()
  host.hide()
  host.dispatch('online')
  expect(host.asked).toHaveLength(3)
  host.show()
  await expect.poll(() => host.asked).toHaveLength(6)
})

test('a server that wants a key is locked until it gets the right one', async () => {
  const host = createFakeHost({ url: locked.url })
  const { server, key } = createParts(host)
  await server.check()
  expect(server.state.value).toEqual({ kind: 'locked', isWrong: false })
  expect(await server.setKey('wrong', false)).toBe(false)
  expect(server.state.value).toEqual({ kind: 'locked', isWrong: true })
  expect(key.current()).toBeUndefined()
  expect(await server.setKey('密码', false)).toBe(false)
  expect(await server.setKey(secret, false)).toBe(true)
  expect(server.state.value.kind).toBe('ready')
  expect(await server.setKey('mistyped', false)).toBe(false)
  expect([server.state.value.kind, key.current()]).toEqual(['ready', secret])
})

test('a late response to a check without the key changes nothing', async () => {
  let release = () => {}
  const gate = new Promise<void>((resolve) => (release = resolve))
  const host = createFakeHost({
    url: locked.url,
    fetch: async (url, init) => {
      if (!new Headers(init?.headers).has('authorization')) await gate
      return fetch(url, init)
    },
  })
  const { server } = createParts(host)
  const late = server.check()
  expect(await server.setKey(secret, false)).toBe(true)
  release()
  await late
  expect(server.state.value.kind).toBe('ready')
})

test('a key is kept for the tab, or on the device if the user chooses that, and forgotten in both', async () => {
  const stores = createStores()
  const { server } = createParts(createFakeHost({ url: locked.url, stores }))
  await server.setKey(secret, false)
  expect([[...stores.tab.values()].includes(secret), [...stores.device.values()].includes(secret)]).toEqual([true, false])
  await server.setKey(secret, true)
  expect([[...stores.tab.values()].includes(secret), [...stores.device.values()].includes(secret)]).toEqual([false, true])

  const reloaded = createParts(createFakeHost({ url: locked.url, stores: { ...createStores(), device: stores.device } }))
  await reloaded.server.check()
  expect(reloaded.server.state.value.kind).toBe('ready')
  reloaded.server.forgetKey()
  await expect.poll(() => reloaded.server.state.value).toEqual({ kind: 'locked', isWrong: false })
  expect(stores.device.size).toBe(0)
})

test('where storage is denied a key lasts until the reload', async () => {
  const { server } = createParts(createFakeHost({ url: locked.url, deniesStorage: true }))
  expect(await server.setKey(secret, true)).toBe(true)
  expect(server.state.value.kind).toBe('ready')
})

test('a 429 leaves a ready page ready, with its models', async () => {
  const answers = [{ version: '1' }, { models: [{ name: 'a:latest' }] }, { models: [] }]
  const fetch = () => {
    const answer = answers.shift()
    return Promise.resolve(Response.json(answer ?? { error: 'Slowly', code: 'rate_limited' }, { status: answer ? 200 : 429 }))
  }
  const { server, models } = createParts(createFakeHost({ url: '', fetch }))
  await server.check()
  await server.check()
  expect(server.state.value.kind).toBe('ready')
  expect(models.all.value).toHaveLength(1)
})

test('a check that times out leaves a ready page ready, and makes any other page unreachable', async () => {
  const { server } = createParts(createFakeHost({ url: open.url }))
  await server.check()
  const limit = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(AbortSignal.abort())
  undo.push(() => limit.mockRestore())
  await server.check()
  expect(server.state.value.kind).toBe('ready')
  const { server: other } = createParts(createFakeHost({ url: open.url }))
  await other.check()
  expect(other.state.value).toMatchObject({ kind: 'unreachable', service: 'sluice' })
})

test('checks at the same time send their requests once', async () => {
  const host = createFakeHost({ url: open.url })
  const { server } = createParts(host)
  await Promise.all([server.check(), server.check()])
  expect(host.asked).toHaveLength(3)
})
