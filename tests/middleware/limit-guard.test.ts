import { Hono, type Context } from 'hono'
import { describe, expect, test } from 'vitest'
import type { Env } from '../../src/middleware/env.ts'
import { limitGuard } from '../../src/middleware/limit-guard.ts'
import { createStream, type Stream } from '../../src/relay/stream.ts'
import type { Cost, Limits, Quota } from '../../src/middleware/limits.ts'

/**
 * Puts `limitGuard` in front of a handler. Records what is reserved, and the callers whose answers
 * are under way.
 */
function create({
  address = '192.0.2.1',
  key = '',
  max = 5,
  own = undefined as Partial<Quota> | undefined,
  stream = undefined as Stream | undefined,
} = {}) {
  const reserved: { who: string; cost: Cost }[] = []
  const quotas: Quota[] = []
  const inside = new Set<string>()
  const limits: Limits = {
    reserve(who, cost, quota) {
      reserved.push({ who, cost })
      quotas.push(quota)
      if (cost.answers) inside.add(who)
      return { refusedBy: undefined, left: {}, settle: (tokens) => void (tokens === undefined && inside.delete(who)) }
    },
  }
  const quota = { perMinute: max, streams: max }
  const takesAnswer = (c: Context) => c.req.path !== '/cancel'
  const app = new Hono<Env>()
    .use(async (c, next) => {
      c.set('principal', { name: key, models: undefined, quota: own })
      if (stream) c.set('stream', stream)
      await next()
    })
    .use(limitGuard({ limits, quota, address: () => address, takesAnswer }))
    .get('/', (c) => c.text([...inside].join()))
    .get('/cancel', (c) => c.text([...inside].join()))
    .get('/broken', () => {
      throw new Error('broken')
    })
    .onError((_error, c) => c.text('', 500))
  return { app, reserved, quotas, inside }
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
    const { app, reserved } = create({ address })
    expect(await (await app.request('/')).text()).toBe(`address ${network}`)
    expect(reserved).toEqual([{ who: `address ${network}`, cost: { requests: 1, answers: 1 } }])
  })

  test('with a key is the key’s name, and not an address', async () => {
    const { app, reserved } = create({ key: '192.0.2.1' })
    await app.request('/')
    expect(reserved).toMatchObject([{ who: 'key 192.0.2.1' }])
  })

  test('is nobody if there is no limit', async () => {
    const { app, reserved } = create({ max: 0 })
    const response = await app.request('/')
    expect(await response.text()).toBe('')
    expect(response.headers.has('ratelimit-policy')).toBe(false)
    expect(reserved).toEqual([])
  })
})

describe('the limits of a key', () => {
  test('replace the general ones, each by itself', async () => {
    const { app, quotas } = create({ key: 'me', own: { streams: 1, tokensPerDay: 9 } })
    await app.request('/')
    expect(quotas).toEqual([{ perMinute: 5, streams: 1, tokensPerDay: 9 }])
  })

  test('hold if there are no general ones, and are in the headers', async () => {
    const { app, quotas, reserved } = create({ key: 'me', max: 0, own: { perMinute: 2 } })
    const { headers } = await app.request('/')
    expect(headers.get('ratelimit-policy')).toBe('"minute";q=2;w=60')
    expect([quotas, reserved]).toEqual([[{ perMinute: 2, streams: 0 }], [{ who: 'key me', cost: { requests: 1 } }]])
  })

  test('of 0 are no limits', async () => {
    const { app, reserved } = create({ key: 'me', own: { perMinute: 0, streams: 0 } })
    expect((await app.request('/')).headers.has('ratelimit-policy')).toBe(false)
    expect(reserved).toEqual([])
  })
})

test('a request that takes no place of an answer only counts as a request', async () => {
  const { app, reserved, inside } = create()
  expect(await (await app.request('/cancel')).text()).toBe('')
  expect(reserved).toMatchObject([{ cost: { requests: 1 } }])
  expect(reserved[0]!.cost).not.toHaveProperty('answers')
  expect(inside.size).toBe(0)
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
