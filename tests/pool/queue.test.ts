import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createPool, type PoolOptions } from '../../src/pool/pool.ts'
import type { CallContext, Upstream } from '../../src/upstreams/upstream.ts'
import { upstreamContract } from '../contracts/upstream.ts'
import { ollamaOverHttp } from '../upstreams/ollama-over-http.ts'

interface QueueOptions extends Pick<PoolOptions, 'waiting' | 'embedTimeoutMs'> {
  upstream: Upstream
  running: number
}

/** A pool of one host, which is a queue. */
function createQueue({ upstream, running, ...options }: QueueOptions): Upstream {
  const host = { name: 'ollama', tier: 1, max: running, weight: 1, upstream }
  return createPool({ hosts: [host], now: () => performance.now(), ...options })
}

// The queue has only one place, so a call that does not release it would block the next call.
upstreamContract('one Ollama behind a queue', (url) =>
  createQueue({ upstream: ollamaOverHttp(url), running: 1, waiting: 0, embedTimeoutMs: 5000 }),
)

const call = { endpoint: 'chat', model: 'm', body: {} } as const

/** Creates an upstream whose generations start immediately, and records which ones have started. */
function create({
  running = 1,
  waiting = 10,
  fails = false,
  ...own
}: Partial<Pick<Upstream, 'ask'>> & { running?: number; waiting?: number; fails?: boolean } = {}) {
  const started: string[] = []
  const upstream: Upstream = {
    async generate(_call, { principal = '', requestId = principal }: CallContext & { requestId?: string }) {
      started.push(requestId)
      if (fails) throw new Error('refused')
      return { flow: async () => {}, close: () => {} }
    },
    async ask(question, { principal = '' }) {
      started.push(`${question.about} ${principal}`)
      return { text: '{}', value: {} }
    },
    blob: async () => {},
    ...own,
  }
  const queue = createQueue({ upstream, running, waiting, embedTimeoutMs: 1000 })
  const enter = (principal: string, requestId = principal, signal = new AbortController().signal) =>
    queue.generate(call, { principal, requestId, signal } as CallContext)
  return { queue, enter, started }
}

const turns = async () => {
  for (let i = 0; i < 10; i++) await Promise.resolve()
}

describe('the queue', () => {
  test('runs as many generations as the limit allows, and the next when one ends', async () => {
    const { enter, started } = create({ running: 2 })
    const first = await enter('a', '1')
    await enter('a', '2')
    const third = enter('a', '3')
    await turns()
    expect(started).toEqual(['1', '2'])
    first.close({ how: 'done' })
    first.close({ how: 'done' })
    await third
    expect(started).toEqual(['1', '2', '3'])
    void enter('a', '4')
    await turns()
    expect(started).toHaveLength(3)
  })

  test('serves the keys in turn, however many requests one key has sent', async () => {
    const { enter, started } = create()
    /** Waits for a generation to start, and closes it immediately. */
    const run = async (who: string, id: string) => (await enter(who, id)).close({ how: 'done' })
    const first = await enter('a', 'a0')
    const all = ['a1', 'a2', 'a3', 'b1', 'b2', 'c1'].map((id) => run(id[0]!, id))
    await turns()
    first.close({ how: 'done' })
    await Promise.all(all)
    expect(started).toEqual(['a0', 'a1', 'b1', 'c1', 'a2', 'b2', 'a3'])
  })

  test('reports `queued` to a waiting call, and the end of its wait', async () => {
    const { queue, enter } = create()
    const states: unknown[] = []
    const first = await enter('a')
    const context = { signal: new AbortController().signal, onWaiting: (state: unknown) => void states.push(state) }
    const second = queue.generate(call, context)
    expect(states).toEqual(['queued'])
    first.close({ how: 'done' })
    // The first caller's `close` must not itself call the second caller's `onWaiting`
    // (docs/hazards.md#74).
    expect(states).toEqual(['queued'])
    ;(await second).close({ how: 'done' })
    expect(states).toEqual(['queued', undefined])
    await queue.generate(call, context)
    expect(states).toEqual(['queued', undefined, undefined])
  })

  test('refuses a call when the line is full, with a Retry-After', async () => {
    const { enter } = create({ waiting: 1 })
    await enter('a')
    void enter('a')
    await expect(enter('a')).rejects.toMatchObject({ code: 'too_many_streams', status: 503, retryAfterSeconds: 5 })
  })

  test('releases the place in the line of a reader that disconnects', async () => {
    const { enter, started } = create({ waiting: 1 })
    const first = await enter('a', '1')
    const controller = new AbortController()
    const leaving = enter('b', '2', controller.signal)
    controller.abort(new DOMException('left', 'AbortError'))
    await expect(leaving).rejects.toThrow('left')
    const third = enter('c', '3')
    first.close({ how: 'left' })
    await third
    expect(started).toEqual(['1', '3'])
  })

  test('releases the place of a generation that the upstream refuses', async () => {
    const { enter, started } = create({ fails: true })
    for (let i = 0; i < 3; i++) await expect(enter('a', `${i}`)).rejects.toThrow('refused')
    expect(started).toEqual(['0', '1', '2'])
  })

  test.each(['embed', 'systemone'] as const)('%s waits as generations do, and other questions do not wait', async (about) => {
    const { queue, enter, started } = create()
    const { signal } = new AbortController()
    const first = await enter('a', '1')
    const asked = queue.ask({ about, body: {} }, { signal, principal: 'b' })
    await queue.ask({ about: 'tags' }, { signal, principal: 'b' })
    expect(started).toEqual(['1', 'tags b'])
    first.close({ how: 'done' })
    await asked
    expect(started).toEqual(['1', 'tags b', `${about} b`])
  })

  describe('an embedding', () => {
    const embed = { about: 'embed', body: {} } as const
    const late = { code: 'first_token_timeout', status: 504 }
    const context = () => ({ signal: new AbortController().signal, principal: 'b' })
    beforeEach(() => void vi.useFakeTimers())
    afterEach(() => void vi.useRealTimers())

    test('that waits too long is first_token_timeout, and its place in the line is released', async () => {
      const { queue, enter, started } = create({ waiting: 1 })
      const first = await enter('a', '1')
      const waiting = expect(queue.ask(embed, context())).rejects.toMatchObject(late)
      await vi.advanceTimersByTimeAsync(1000)
      await waiting
      const next = enter('c', '2')
      first.close({ how: 'done' })
      await next
      expect(started).toEqual(['1', '2'])
    })

    test('has one time limit for the wait and the answer, and releases its place', async () => {
      const asked: AbortSignal[] = []
      const { queue, enter } = create({
        ask: (_question, { signal }) => {
          asked.push(signal)
          return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
        },
      })
      const first = await enter('a')
      const waiting = expect(queue.ask(embed, context())).rejects.toMatchObject(late)
      await vi.advanceTimersByTimeAsync(900)
      first.close({ how: 'done' })
      await vi.advanceTimersByTimeAsync(99)
      expect(asked).toMatchObject([{ aborted: false }])
      await vi.advanceTimersByTimeAsync(1)
      await waiting
      await enter('c')
    })
  })

  test.each(['pull', 'push', 'create'] as const)('a %s needs no place, and does not wait', async (endpoint) => {
    const { queue, enter, started } = create()
    await enter('a', '1')
    const context = { signal: new AbortController().signal, principal: 'b' }
    await queue.generate({ endpoint, model: 'm', body: {} }, context)
    void enter('a', '2')
    await turns()
    expect(started).toEqual(['1', 'b'])
  })

  test('loses no place and never runs too many, for calls that start, wait, end, disconnect or fail in any order', async () => {
    const step = fc.oneof(
      fc.record({ does: fc.constant('come' as const), key: fc.constantFrom('a', 'b', 'c'), fails: fc.boolean() }),
      fc.record({ does: fc.constantFrom('leave' as const, 'end' as const), which: fc.nat(50) }),
      fc.constant({ does: 'pass' as const }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        let running = 0
        let most = 0
        const upstream: Upstream = {
          async generate({ model }, { signal }) {
            most = Math.max(most, ++running)
            await Promise.resolve()
            if (model === 'fails' || signal.aborted) {
              running--
              throw new Error('refused')
            }
            let isOpen = true
            const close = () => {
              if (isOpen) running--
              isOpen = false
            }
            return { flow: async () => {}, close }
          },
          ask: () => Promise.reject(new Error('not asked')),
          blob: async () => {},
        }
        const queue = createQueue({ upstream, running: 2, waiting: 3, embedTimeoutMs: 0 })
        const come = (principal: string, model = 'm') => {
          const controller = new AbortController()
          const asked = queue.generate({ ...call, model }, { principal, signal: controller.signal })
          asked.catch(() => {})
          return { controller, end: () => asked.then((generation) => generation.close({ how: 'done' })).catch(() => {}) }
        }
        const comers: ReturnType<typeof come>[] = []
        for (const one of steps) {
          if (one.does === 'come') comers.push(come(one.key, one.fails ? 'fails' : 'm'))
          if (one.does === 'leave') comers[one.which % (comers.length || 1)]?.controller.abort(new Error('left'))
          if (one.does === 'end') void comers[one.which % (comers.length || 1)]?.end()
          if (one.does === 'pass') await turns()
        }
        for (const { controller, end } of comers) {
          controller.abort(new Error('left'))
          void end()
        }
        await turns()
        await turns()
        expect(running).toBe(0)
        expect(most).toBeLessThanOrEqual(2)

        // All places must be free again. So two of five new calls run, three wait, and a sixth call
        // is refused.
        const last = Array.from({ length: 5 }, () => come('z'))
        await expect(queue.generate(call, { signal: new AbortController().signal })).rejects.toMatchObject({
          code: 'too_many_streams',
        })
        await turns()
        expect(running).toBe(2)
        await Promise.all(last.map(({ end }) => end()))
        expect(running).toBe(0)
      }),
      { numRuns: 500 },
    )
  })
})
