import { expect, test } from 'vitest'
import { viaFetch } from '../../src/upstreams/connect.ts'
import { connectContract } from '../contracts/connect.ts'

connectContract('fetch', () => viaFetch(fetch))

const request = { method: 'GET', url: 'http://ollama/api/tags', headers: {} } as const

test('a body that never waits lets timers run', async () => {
  const controller = new AbortController()
  const endless = new ReadableStream<Uint8Array>({ pull: (body) => body.enqueue(new Uint8Array(16_384)) })
  const { flow } = await viaFetch(async () => new Response(endless))(request, controller.signal)
  let bytes = 0
  let isFired = false
  setTimeout(() => (isFired = true), 0)
  const ended = flow(({ byteLength }) => {
    bytes += byteLength
    if (isFired || bytes > 50_000_000) controller.abort(new Error('enough'))
  })
  await expect(ended).rejects.toThrow('enough')
  expect(isFired).toBe(true)
  expect(bytes).toBeLessThan(1_000_000)
})

test('an abort cancels a body that ignores the signal, such as the emulator’s', async () => {
  const controller = new AbortController()
  const cancelled = Promise.withResolvers<unknown>()
  const body = new ReadableStream<Uint8Array>({ cancel: cancelled.resolve })
  const { flow } = await viaFetch(async () => new Response(body))(request, controller.signal)
  const ended = flow(() => {})
  const reason = new Error('left')
  controller.abort(reason)
  await expect(ended).rejects.toBe(reason)
  expect(await cancelled.promise).toBe(reason)
})

test('a response without a body ends at once', async () => {
  const { flow } = await viaFetch(async () => new Response(null))(request, new AbortController().signal)
  await expect(flow(() => expect.unreachable())).resolves.toBeUndefined()
})

test('a flow leaves no listener on its signal (hazard 37)', async () => {
  const { signal } = new AbortController()
  let listeners = 0
  const counted = new Proxy(signal, {
    get(target, name) {
      if (name === 'addEventListener') listeners++
      if (name === 'removeEventListener') listeners--
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  const { flow } = await viaFetch(async () => new Response('text'))(request, counted)
  await flow(() => {})
  expect(listeners).toBe(0)
})
