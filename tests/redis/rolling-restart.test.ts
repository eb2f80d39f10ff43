import { expect, onTestFinished, test } from 'vitest'
import { tokens } from '#fake-ollama/scripts.ts'
import { createRandom } from '../random.ts'
import { startCuttingProxy } from '../cutting-proxy.ts'
import { askToResume, read } from '../runtimes/reader.ts'
import { toFrames, toRecorded, toRunPath } from '../runtimes/resumable.ts'
import { toTerminal, startCrowd } from './crowd.ts'
import { startRedis } from './redis-server.ts'

/** So many readers ask one after the other, for as long as the servers restart. */
const readerCount = Number(process.env.FAULT_READERS ?? 12)

/** Drops what comes behind the last complete frame. */
const toComplete = (text: string) => text.replace(/(^|\n\n)(?:(?!\n\n).)*$/s, '$1')

test.each(['node', 'bun'] as const)(
  'while two servers of %s restart one after the other, each stream ends with its terminal, and loses and doubles nothing (FAULT_READERS)',
  { timeout: 120_000 },
  async (runtime) => {
    const redis = await startRedis()
    onTestFinished(redis.stop)
    // Some answers are longer than the grace of a shutdown, and end with `shutting_down`.
    const crowd = await startCrowd({
      runtime,
      url: redis.url,
      env: { SLUICE_SHUTDOWN_GRACE_MS: '1000', SLUICE_HEARTBEAT_MS: '200' },
    })
    const { servers, upstream } = crowd
    /** The ports of the servers that accept new requests. */
    const ports = servers.map(({ port }) => port)
    let turn = 0
    const proxy = await startCuttingProxy(() => ports[turn++ % ports.length]!)
    onTestFinished(proxy.close)
    const random = createRandom(1)
    const counts: Record<string, number> = {}
    let comebacks = 0
    const over = new AbortController()

    /** Reads one answer, over as many connections as it takes. */
    async function readOne() {
      const count = random.pick([20, 100, 400])
      const model = upstream.script(tokens({ count, perSecond: 200, text: (index) => ` 汉字 ${index}` }))
      const first = askToResume({ server: proxy }, model)
      const { status, headers } = await first.head
      if (status === 503) return 'refused'
      const run = toRunPath({ status, headers })
      // Half of the readers lose their connections, and most of them come back at the other server.
      if (random(2) === 0) void first.until((all) => toFrames(all).length > 5).then(() => first.leave('reset'))
      let ended = await first.ended
      let text = toComplete(toRecorded(first.text))
      while (ended === 'broken') {
        const last = toFrames(text).at(-1)?.id
        const reader = read(proxy, { path: run, headers: last === undefined ? {} : { 'last-event-id': last } })
        ended = await reader.ended
        const head = await reader.head.catch(() => undefined)
        if (!head || head.status === 503) ended = 'broken'
        else expect([200, 204], `${head.status} ${reader.text}`).toContain(head.status)
        if (head?.status === 200) comebacks++
        if (head?.status === 200) text += toComplete(toRecorded(reader.text))
      }
      const frames = toFrames(text)
      const id = run.slice('/streams/'.length)
      expect(frames.map((frame) => frame.id)).toEqual(frames.map((_, index) => `${id}.${index}`))
      expect(upstream.requestsFor(model)).toHaveLength(1)
      const terminal = String(toTerminal({ text }))
      const told = frames.flatMap(({ data }) => (JSON.parse(data) as { response?: string }).response ?? []).join('')
      const whole = Array.from({ length: count }, (_, index) => ` 汉字 ${index}`).join('')
      if (terminal === 'done') expect(told).toBe(whole)
      else expect(whole.startsWith(told)).toBe(true)
      return terminal
    }
    async function readOften() {
      while (!over.signal.aborted) {
        const outcome = await readOne()
        counts[outcome] = (counts[outcome] ?? 0) + 1
      }
    }
    async function restart(index: number) {
      const { port, exited, signal, errors } = servers[index]!
      ports.splice(ports.indexOf(port), 1) // as a proxy does that looks at `/readyz`
      signal('SIGTERM')
      expect(await exited).toBe(0)
      expect(errors()).toBe('')
      servers[index] = await crowd.startServer({ PORT: `${port}` })
      ports.push(port)
      await expect.poll(() => counts.done).toBeGreaterThan(readerCount)
    }

    const reading = Promise.all(Array.from({ length: readerCount }, readOften))
    await expect.poll(() => counts.done).toBeGreaterThan(readerCount)
    for (const index of [0, 1, 0, 1]) {
      await restart(index)
      counts.done = 0
    }
    over.abort()
    await reading
    const { done: _, refused: __, shutting_down, ...others } = counts
    expect(others).toEqual({})
    expect(shutting_down).toBeGreaterThan(0)
    expect(comebacks).toBeGreaterThan(readerCount)
    await expect.poll(() => upstream.open).toBe(0)
  },
)
