import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { toServiceError } from '../../src/errors.ts'
import type { Env } from '../../src/middleware/env.ts'
import { jsonBody } from '../../src/middleware/json-body.ts'

const app = new Hono<Env>()
  .use(jsonBody({ maxBytes: 1000, maxMs: 50 }))
  .post('/', (c) => c.json(c.var.body))
  .onError((error, c) => c.text(`${toServiceError(error).code}: ${error.message}`, 400))

/** A body that never ends. */
const slow = () => new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode('{')) })

const post = (body: BodyInit, headers: Record<string, string>) =>
  app.request('/', { method: 'POST', body, headers, duplex: 'half' } as RequestInit)

test.each([
  ['with a length', { 'content-length': '999' }],
  ['in chunks', { 'transfer-encoding': 'chunked' }],
  ['of neither', {}],
  ['in a coding', { 'content-encoding': 'gzip' }],
])('F26: a body %s that takes too long is refused', async (_, headers) => {
  const response = await post(slow(), headers)
  expect([response.status, await response.text()]).toEqual([400, 'invalid_json: The body took longer than 0.05 s to arrive'])
})

test('a body that arrives in time is read', async () => {
  const response = await post('{"a":1}', { 'content-length': '7' })
  expect(await response.json()).toEqual({ a: 1 })
})

test('a decoder that never ends is stopped at the same limit', async () => {
  const zstd = () => new TransformStream({ flush: () => new Promise(() => {}) })
  const stuck = new Hono<Env>()
    .use(jsonBody({ maxBytes: 1000, maxMs: 50, findCodings: () => new Map([['zstd', zstd]]) }))
    .onError((error, c) => c.text(toServiceError(error).code, 400))
  const headers = { 'content-encoding': 'zstd' }
  const response = await stuck.request('/', { method: 'POST', body: '{}', headers })
  expect(await response.text()).toBe('invalid_json')
})
