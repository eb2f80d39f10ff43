import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createExporter, type Exporter } from '../../src/telemetry/exporter.ts'
import type { OtlpSpan } from '../../src/telemetry/to-spans.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const toSpan = (name: string): OtlpSpan => ({
  traceId: 'a',
  spanId: 'b',
  flags: 1,
  name,
  kind: 2,
  startTimeUnixNano: '0',
  endTimeUnixNano: '0',
  attributes: [],
})

interface Post {
  readonly url: string
  readonly init: RequestInit
  readonly at: number
  readonly names: readonly string[]
}

/** A collector that answers as `answer` says, and an exporter that sends to it. */
function create(answer: () => Promise<Response>, isWorker = false) {
  const posts: Post[] = []
  const held: Promise<unknown>[] = []
  let open = 0
  let mostOpen = 0
  const exporter = createExporter({
    url: 'http://collector/v1/traces',
    headers: { authorization: 'Bearer secret' },
    resource: { 'service.name': 'sluice' },
    version: '1',
    post: async (url, init) => {
      const { resourceSpans } = JSON.parse(init.body as string) as {
        resourceSpans: { scopeSpans: { spans: OtlpSpan[] }[] }[]
      }
      posts.push({ url, init, at: performance.now(), names: resourceSpans[0]!.scopeSpans[0]!.spans.map(({ name }) => name) })
      mostOpen = Math.max(mostOpen, ++open)
      const aborted = new Promise<never>((_, reject) => {
        init.signal!.addEventListener('abort', () => reject(init.signal!.reason as Error))
      })
      aborted.catch(() => {})
      try {
        return await Promise.race([answer(), aborted])
      } finally {
        open--
      }
    },
    now: () => performance.now(),
    ...(isWorker && { waitUntil: (promise: Promise<unknown>) => void held.push(promise) }),
  })
  return {
    exporter,
    posts,
    held,
    get open() {
      return open
    },
    get mostOpen() {
      return mostOpen
    },
  }
}

const ok = () => Promise.resolve(new Response('{}'))
const answers = (status: number) => () => Promise.resolve(new Response('no', { status }))
const add = ({ add }: Exporter, count: number, first = 0) => {
  for (let i = first; i < first + count; i++) add([toSpan(`${i}`)])
}

describe('a collector that works', () => {
  test('gets the spans of 5 s in one request, with the headers, and no redirect is followed', async () => {
    const { exporter, posts } = create(ok)
    add(exporter, 3)
    await vi.advanceTimersByTimeAsync(4999)
    expect(posts).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(posts).toMatchObject([
      {
        url: 'http://collector/v1/traces',
        names: ['0', '1', '2'],
        init: {
          method: 'POST',
          redirect: 'manual',
          headers: { 'content-type': 'application/json', authorization: 'Bearer secret' },
        },
      },
    ])
    expect(JSON.parse(posts[0]!.init.body as string)).toMatchObject({
      resourceSpans: [
        {
          resource: { attributes: [{ key: 'service.name', value: { stringValue: 'sluice' } }] },
          scopeSpans: [{ scope: { name: 'sluice', version: '1' } }],
        },
      ],
    })
    expect(exporter.counts).toEqual({ exported: 3, failed: 0, dropped: 0 })
    expect(vi.getTimerCount()).toBe(0)
  })

  test('gets a full batch at once', async () => {
    const { exporter, posts } = create(ok)
    add(exporter, 513)
    await vi.advanceTimersByTimeAsync(0)
    expect(posts.map(({ names }) => names.length)).toEqual([512])
    await vi.advanceTimersByTimeAsync(5000)
    expect(posts.map(({ names }) => names.length)).toEqual([512, 1])
  })

  test('gets the last spans when the process ends, and then no more', async () => {
    const { exporter, posts } = create(ok)
    add(exporter, 600)
    await exporter.close()
    expect(posts.map(({ names }) => names.length)).toEqual([512, 88])
    add(exporter, 1)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(posts).toHaveLength(2)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a collector that does not work', () => {
  const hour = 3600
  test.each([
    ['is down', () => Promise.reject(new TypeError('fetch failed')), true],
    ['answers 503', answers(503), true],
    ['hangs', () => new Promise<Response>(() => {}), true],
    ['answers 500', answers(500), false],
    ['answers 400', answers(400), false],
    ['redirects', answers(302), false],
  ] as const)('%s for an hour: the queue has an end, and it is asked once a minute', async (_, answer, isKept) => {
    const state = create(answer)
    const { exporter, posts } = state
    for (let second = 0; second < hour; second++) {
      add(exporter, 20, second * 20)
      await vi.advanceTimersByTimeAsync(1000)
      expect(vi.getTimerCount()).toBeLessThanOrEqual(2)
    }
    const { exported, failed, dropped } = exporter.counts
    expect(exported).toBe(0)
    // What is neither is in the queue, or on its way.
    expect(hour * 20 - failed - dropped).toBeLessThanOrEqual(2048 + 512)
    expect(posts.length).toBeLessThan(70)
    expect(Math.max(...posts.map(({ names }) => names.length))).toBeLessThanOrEqual(512)
    expect(state.mostOpen).toBe(1)
    expect(failed > 0).toBe(!isKept)
  })

  test('and comes back: it gets the oldest spans, each once', async () => {
    let isDown = true
    const { exporter, posts } = create(() => (isDown ? Promise.reject(new Error('down')) : ok()))
    add(exporter, 3000)
    await vi.advanceTimersByTimeAsync(60_000)
    isDown = false
    const before = posts.length
    await vi.advanceTimersByTimeAsync(60_000)
    const names = posts.slice(before).flatMap(({ names }) => names)
    expect(names).toEqual(Array.from({ length: 2048 }, (_, i) => `${i}`))
    expect(exporter.counts).toEqual({ exported: 2048, failed: 0, dropped: 952 })
  })

  test('spans that come back find the queue full: the newest ones go', async () => {
    const { exporter } = create(() => new Promise<Response>(() => {}))
    add(exporter, 512)
    await vi.advanceTimersByTimeAsync(0) // they are on their way
    add(exporter, 2100)
    expect(exporter.counts.dropped).toBe(52)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(exporter.counts).toEqual({ exported: 0, failed: 0, dropped: 512 + 52 })
  })

  test('does not hold up the end of the process', async () => {
    const state = create(() => new Promise<Response>(() => {}))
    add(state.exporter, 3)
    const closed = state.exporter.close()
    await vi.advanceTimersByTimeAsync(500)
    await closed
  })

  test('never throws into a request', async () => {
    const { exporter } = create(() => {
      throw new Error('synchronous')
    })
    add(exporter, 3)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(exporter.counts.exported).toBe(0)
  })
})

describe('on workerd', () => {
  test('spans are sent at the end of their request, which lives until then, without a timer between requests', async () => {
    const { exporter, posts, held } = create(ok, true)
    exporter.add([toSpan('a'), toSpan('b')])
    expect(held).toHaveLength(1)
    await held[0]
    expect(posts.map(({ names }) => names)).toEqual([['a', 'b']])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('eight requests send at once, and the next ones take what is left', async () => {
    const state = create(() => new Promise<Response>((resolve) => setTimeout(() => resolve(new Response()), 100)), true)
    add(state.exporter, 20)
    expect(state.open).toBe(8)
    await vi.advanceTimersByTimeAsync(100)
    state.exporter.add([toSpan('last')])
    await vi.advanceTimersByTimeAsync(100)
    expect(state.posts.at(-1)!.names).toEqual([...Array.from({ length: 12 }, (_, i) => `${i + 8}`), 'last'])
    expect(state.exporter.counts).toEqual({ exported: 21, failed: 0, dropped: 0 })
  })

  test('a request that dies while it sends counts as over after its limit', async () => {
    const { exporter, posts } = create(() => new Promise<Response>(() => {}), true)
    add(exporter, 8)
    expect(posts).toHaveLength(8)
    vi.setSystemTime(Date.now()) // the timers of the dead requests never fire
    const now = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 10_200)
    exporter.add([toSpan('later')])
    expect(posts).toHaveLength(9)
    now.mockRestore()
  })

  test('a collector that is down is left alone between two tries, and costs no request a wait', async () => {
    const { exporter, held, posts } = create(() => Promise.reject(new Error('down')), true)
    for (let second = 0; second < 600; second++) {
      add(exporter, 10, second * 10)
      await vi.advanceTimersByTimeAsync(1000)
    }
    await Promise.all(held)
    expect(posts.length).toBeLessThan(100)
    expect(exporter.counts.dropped).toBeGreaterThan(3000)
  })
})
