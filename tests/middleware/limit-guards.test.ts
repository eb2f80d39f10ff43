import { Hono } from 'hono'
import { describe, expect, test } from 'vitest'
import type { Env } from '../../src/middleware/env.ts'
import { answerGuard, rateGuard } from '../../src/middleware/limit-guards.ts'
import { createStream, type Stream } from '../../src/relay/stream.ts'
import type { Limits } from '../../src/middleware/limits.ts'

/**
 * Puts `rateGuard` and `answerGuard` in front of a handler. Records the client of each request that
 * is counted for the rate, and the clients whose answers are under way.
 */
function create({ address = '192.0.2.1', key = '', max = 5, stream = undefined as Stream | undefined } = {}) {
  const counted: string[] = []
  const inside = new Set<string>()
  const limits: Limits = {
    consume(who) {
      counted.push(who)
      return { isAllowed: true, remaining: 1, retryAfterSeconds: 0 }
    },
    enter(who) {
      inside.add(who)
      return () => void inside.delete(who)
    },
  }
  const app = new Hono<Env>()
    .use(async (c, next) => {
      c.set('principal', { name: key, models: undefined })
      if (stream) c.set('stream', stream)
      await next()
    })
    .use(rateGuard({ limits, max, address: () => address }), answerGuard({ limits, max, address: () => address }))
    .get('/', (c) => c.text([...inside].join()))
    .get('/broken', () => {
      throw new Error('broken')
    })
    .onError((_error, c) => c.text('', 500))
  return { app, counted, inside }
}

describe('the client that a rate limit counts', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2:ffff::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:0:0:9::', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['1::', '1:0:0:0::/64'],
    ['', ''],
  ])('with the address %s is %s', async (address, network) => {
    const { app, counted } = create({ address })
    expect(await (await app.request('/')).text()).toBe(`address ${network}`)
    expect(counted).toEqual([`address ${network}`])
  })

  test('with a key is the key’s name, and not an address', async () => {
    const { app, counted } = create({ key: '192.0.2.1' })
    await app.request('/')
    expect(counted).toEqual(['key 192.0.2.1'])
  })

  test('is nobody if there is no limit', async () => {
    const { app, counted } = create({ max: 0 })
    const response = await app.request('/')
    expect(await response.text()).toBe('')
    expect(response.headers.has('ratelimit-policy')).toBe(false)
    expect(counted).toEqual([])
  })
})

describe('the place of an answer is released', () => {
  test('once the answer is complete', async () => {
    const { app, inside } = create()
    await app.request('/')
    expect(inside.size).toBe(0)
  })

  test('if the answer is an error', async () => {
    const { app, inside } = create()
    expect((await app.request('/broken')).status).toBe(500)
    expect(inside.size).toBe(0)
  })

  test('at the end of its stream, not after its headers', async () => {
    const stream = createStream({ requestId: 'id', principal: '', signal: new AbortController().signal })
    const { app, inside } = create({ stream })
    await app.request('/')
    expect(inside.size).toBe(1)
    stream.end()
    await stream.ended
    expect(inside.size).toBe(0)
  })
})
