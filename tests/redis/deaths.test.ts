import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { percentile } from '../lab/percentile.ts'
import { read, readAll } from '../runtimes/reader.ts'
import { toRunPath } from '../runtimes/resumable.ts'
import { checkBytes, leaseMs, startCrowd, toTerminal, untilGrown, view, type Crowd } from './crowd.ts'
import { startForwarder } from './forwarder.ts'
import { startRedis } from './redis-server.ts'

/** The figures of the docs are those of `FAULT_STOPS=500`. */
const stopCount = Number(process.env.FAULT_STOPS ?? 50)

/** Starts two servers. The name of their Redis can be made deaf. */
async function start(runtime: 'node' | 'bun' = 'node') {
  const redis = await startRedis()
  onTestFinished(redis.stop)
  const line = await startForwarder(redis)
  onTestFinished(line.close)
  const crowd = await startCrowd({ runtime, url: line.url, env: { SLUICE_GRACE_MS: '0' } })
  return { redis, line, crowd }
}

/** Stops an answer at the process that does not make it. Returns after how many milliseconds Ollama's connection was closed. */
async function stopElsewhere({ ask, servers: [one, other] }: Crowd): Promise<number> {
  const { reader, exchange } = await ask(one)
  const run = toRunPath(await reader.head)
  const viewer = await view(other, run)
  const startedAt = performance.now()
  const [{ status }, closedAt] = await Promise.all([
    readAll(read(other, { path: run, method: 'DELETE' })),
    exchange.closedByReader,
    reader.ended,
    viewer.ended,
  ])
  expect(status).toBe(204)
  expect([toTerminal(reader), toTerminal(viewer)]).toEqual(['cancelled', 'cancelled'])
  expect(viewer.text).toBe(reader.text)
  return closedAt - startedAt
}

describe.each(['node', 'bun'] as const)('%s', (runtime) => {
  test('each viewer of a process that is killed has producer_lost within the lease and 2 s, and other runs go on', async () => {
    const { crowd } = await start(runtime)
    const all = await crowd.watch(runtime === 'node' ? 20 : 4)
    const [dying] = crowd.servers
    const lost = all.filter(({ producer }) => producer === dying)
    const others = all.filter(({ producer }) => producer !== dying)
    // These viewers are at the process that is killed.
    const going = await Promise.all(others.map(async (one) => ({ ...one, viewer: await view(one.producer, one.run) })))
    dying.signal('SIGKILL')
    const diedAt = performance.now()
    await Promise.all(lost.map(({ exchange }) => exchange.closedByReader))
    const tookMs = await Promise.all(
      lost.map(async ({ viewer }) => {
        expect(await viewer.ended).toBe('clean')
        return performance.now() - diedAt
      }),
    )
    expect(Math.max(...tookMs)).toBeLessThan(leaseMs + 2000)
    for (const one of lost) {
      expect(toTerminal(one.viewer)).toBe('producer_lost')
      const again = await readAll(read(crowd.servers[1], { path: one.run }))
      expect(again.text).toBe(one.viewer.text)
    }
    await untilGrown(
      others.map(({ first }) => first),
      5,
    )
    crowd.release()
    for (const one of going) {
      expect(await Promise.all([one.first.ended, one.viewer.ended])).toEqual(['clean', 'clean'])
      expect(checkBytes(one)).toEqual({ first: 'done', viewer: 'done' })
    }
    await expect.poll(() => crowd.upstream.open).toBe(0)
  }, 60_000)
})

test(
  `a stop at another process closes the connection of Ollama within 50 ms, ${stopCount} times (FAULT_STOPS)`,
  async () => {
    const { crowd } = await start()
    await stopElsewhere(crowd) // the first one of a process takes longer
    const tookMs: number[] = []
    while (tookMs.length < stopCount) tookMs.push(await stopElsewhere(crowd))
    console.log(`stops elsewhere: p50 ${percentile(tookMs, 50).toFixed(1)} ms, p99 ${percentile(tookMs, 99).toFixed(1)} ms`)
    expect(percentile(tookMs, 99)).toBeLessThan(50)
  },
  30_000 + stopCount * 500,
)

test('a stop whose bell is lost takes a second at most', async () => {
  const { crowd, line } = await start()
  await stopElsewhere(crowd)
  line.isDeaf = true
  const tookMs = await Promise.all(
    Array.from({ length: 20 }, async (_, i) => {
      await pause(i * 50) // at any moment between two looks
      return stopElsewhere(crowd)
    }),
  )
  expect(Math.max(...tookMs)).toBeLessThan(1100)
  expect(Math.max(...tookMs), 'no bell was lost').toBeGreaterThan(100)
})

test('a viewer whose bells are lost has each frame within a second', async () => {
  const { crowd, line } = await start()
  const all = await crowd.watch(4)
  line.isDeaf = true
  const viewers = all.map(({ viewer }) => viewer)
  for (let i = 0; i < 3; i++) await untilGrown(viewers, 1, 1200)
  crowd.release()
  const releasedAt = performance.now()
  for (const { first, viewer } of all) await Promise.all([first.ended, viewer.ended])
  expect(performance.now() - releasedAt).toBeLessThan(1300)
  for (const one of all) expect(checkBytes(one)).toEqual({ first: 'done', viewer: 'done' })
})
