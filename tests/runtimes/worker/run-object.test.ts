import { createHash } from 'node:crypto'
import { expect, onTestFinished, test, vi } from 'vitest'
import { silent } from '#fake-ollama/scripts.ts'
import { startUpstream } from '#fake-ollama/upstream.ts'
import { placeHeader, type Caller } from '../../../src/runtimes/worker/namespaces.ts'
import { createSqliteStorage } from '../../store/objects/sqlite-storage.ts'

vi.mock('cloudflare:workers', () => ({ DurableObject: Object, waitUntil() {} }))

test('the place of a run stays its own while others ask about the run', async () => {
  const { RunObject } = await import('../../../src/runtimes/worker/run-object.ts')
  const settle = vi.fn<Caller['settle']>(async () => {})
  const caller: Partial<Caller> = { set: async () => true, forget: async () => {}, settle, renew: async () => {} }
  const id = 'a'.repeat(64)
  const toId = () => ({ toString: () => id })
  const namespace = { newUniqueId: toId, idFromString: toId, idFromName: toId, get: () => caller }
  const object = new RunObject(
    { id: toId(), storage: createSqliteStorage(), waitUntil() {} },
    {
      OLLAMA_HOST: 'http://127.0.0.1:1',
      SLUICE_LOG: 'silent',
      SLUICE_MAX_STREAMS_PER_KEY: '1',
      SLUICE_API_KEYS: `alice:${createHash('sha256').update('secret').digest('hex')}`,
      RUNS: namespace,
      CALLERS: namespace,
    },
  )
  const headers = { host: 'localhost', authorization: 'Bearer secret', prefer: 'resume', 'content-type': 'application/json' }
  const body = JSON.stringify({ model: 'm', prompt: 'Hi' })
  const started = object.fetch(
    new Request('http://localhost/api/generate', { method: 'POST', body, headers: { ...headers, [placeHeader]: 'place' } }),
  )
  await object.fetch(new Request(`http://localhost/streams/${id}`, { headers }))
  await (await started).text()
  await vi.waitFor(() => expect(settle).toHaveBeenCalledWith('place', undefined))
})

test('the alarm ends a run whose key has expired, though nobody asks for it', async () => {
  const upstream = await startUpstream()
  onTestFinished(upstream.close)
  vi.stubGlobal('IdentityTransformStream', TransformStream)
  onTestFinished(() => void vi.unstubAllGlobals())
  vi.resetModules() // an isolate reads its environment once
  const { RunObject } = await import('../../../src/runtimes/worker/run-object.ts')
  const caller: Partial<Caller> = { set: async () => true, forget: async () => {}, renew: async () => {} }
  const id = 'b'.repeat(64)
  const toId = () => ({ toString: () => id })
  const namespace = { newUniqueId: toId, idFromString: toId, idFromName: toId, get: () => caller }
  const sha256 = createHash('sha256').update('secret').digest('hex')
  const expires = new Date(Date.now() + 2000).toISOString()
  const object = new RunObject(
    { id: toId(), storage: createSqliteStorage(), waitUntil() {} },
    {
      OLLAMA_HOST: upstream.url,
      SLUICE_LOG: 'silent',
      SLUICE_API_KEYS: JSON.stringify({ keys: [{ name: 'alice', sha256, expires }] }),
      RUNS: namespace,
      CALLERS: namespace,
    },
  )
  const model = upstream.script(silent())
  const headers = { host: 'localhost', authorization: 'Bearer secret', prefer: 'resume', 'content-type': 'application/json' }
  const body = JSON.stringify({ model, prompt: 'Hi' })
  const asked = object.fetch(new Request('http://localhost/api/generate', { method: 'POST', body, headers }))
  const { exchange } = await upstream.next(model)
  await object.alarm()
  expect(exchange.isOpen).toBe(true)
  const alarm = async () => {
    await object.alarm()
    return exchange.isOpen
  }
  await expect.poll(alarm, { timeout: 5000 }).toBe(false)
  expect(await (await asked).text()).toContain('"code":"unauthorized"')
})
