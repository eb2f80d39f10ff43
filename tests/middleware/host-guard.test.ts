import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { ServiceError } from '../../src/errors.ts'
import { hostGuard } from '../../src/middleware/host-guard.ts'

const statusOf = async (bound: string, host: string) => {
  const app = new Hono()
    .use(hostGuard({ bound, allowed: [], isKeyless: false, problem: undefined }))
    .get('/', (c) => c.text('in'))
    .onError((error, c) => c.text(error.message, error instanceof ServiceError && error.status === 403 ? 403 : 500))
  return (await app.request('/', { headers: { host } })).status
}

test.each([
  ['chat.example', 'CHAT.example:8083'],
  ['Chat.Example', 'chat.example'],
  ['192.0.2.1', '192.0.2.1:8083'],
  ['2001:db8::1', '[2001:db8::1]:8083'],
  ['2001:DB8::A', '[2001:db8::a]'],
])('a server that listens on %s accepts Host: %s and no other host', async (bound, host) => {
  expect(await statusOf(bound, host)).toBe(200)
  expect(await statusOf(bound, 'evil.example')).toBe(403)
})
