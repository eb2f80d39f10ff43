import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { ServiceError } from '../../src/errors.ts'
import type { Env } from '../../src/middleware/env.ts'
import { createIsOperator, operatorGuard } from '../../src/middleware/operator-guard.ts'

interface Case {
  admin?: boolean
  isOpenHere?: boolean
  peer?: string
  host?: string
  headers?: Record<string, string>
}

async function isLetThrough({ admin, isOpenHere = true, peer = '127.0.0.1', host = 'localhost', headers = {} }: Case) {
  const app = new Hono<Env>()
    .use((c, next) => {
      c.set('principal', { name: '', admin })
      return next()
    })
    .use(operatorGuard(createIsOperator({ isOpenHere, address: () => peer })))
    .get('/', (c) => c.text('in'))
    .onError((error, c) => c.text(error.message, error instanceof ServiceError && error.status === 404 ? 404 : 500))
  const { status } = await app.request('/', { headers: { host, ...headers } })
  expect([200, 404]).toContain(status)
  return status === 200
}

test.each<Case>([
  {},
  { peer: '::1', host: '[::1]:8083' },
  { peer: '::ffff:127.0.0.1', host: '127.0.0.1:8083' },
  { admin: true, isOpenHere: false, peer: '203.0.113.7', host: 'chat.example' },
  { admin: true, headers: { 'x-forwarded-for': '203.0.113.7' } },
  { admin: true, headers: { origin: 'https://chat.example', 'sec-fetch-site': 'cross-site' } },
  { host: 'localhost:8083', headers: { origin: 'http://localhost:8083', 'sec-fetch-site': 'same-origin' } },
  { headers: { 'sec-fetch-site': 'none' } },
])('an operator is let through: %j', async (request) => {
  expect(await isLetThrough(request)).toBe(true)
})

test.each<Case>([
  { isOpenHere: false },
  { admin: false, isOpenHere: false },
  { peer: '' },
  { peer: '203.0.113.7' },
  { peer: '::ffff:203.0.113.7' },
  { peer: '127.0.0.1.evil.example' },
  { host: 'chat.example' },
  { host: 'localhost.evil.example' },
  { host: '' },
  { headers: { origin: 'https://chat.example' } },
  { headers: { origin: 'app://obsidian.md' } },
  { headers: { origin: 'null' } },
  { host: 'localhost:8083', headers: { origin: 'http://localhost:3000', 'sec-fetch-site': 'same-site' } },
  { headers: { 'sec-fetch-site': 'same-site' } },
  { headers: { 'sec-fetch-site': 'cross-site' } },
  ...[
    'forwarded',
    'via',
    'x-forwarded-for',
    'x-forwarded-host',
    'X-Forwarded-Proto',
    'x-real-ip',
    'cf-connecting-ip',
    'true-client-ip',
  ].map((name) => ({ headers: { [name]: '127.0.0.1' } })),
])('nobody else is: %j', async (request) => {
  expect(await isLetThrough(request)).toBe(false)
})
