import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { openWithStreamSSE } from '../../src/relay/sink.ts'
import { openContract } from '../contracts/open.ts'

openContract('streamSSE', openWithStreamSSE, { cuts: false })

test('its response has no header that crashes HTTP/2 (hazard 5)', async () => {
  const app = new Hono().get('/', (c) => {
    const { response, sink } = openWithStreamSSE(c, { 'content-type': 'application/x-ndjson' }, () => {})
    void sink.write('a')
    void sink.end()
    return response
  })
  const response = await app.request('/')
  expect(Object.fromEntries(response.headers)).toEqual({ 'content-type': 'application/x-ndjson', 'cache-control': 'no-cache' })
  expect(await response.text()).toBe('a')
})
