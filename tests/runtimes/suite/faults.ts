import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { rssKbOf } from '../../lab/process-stats.ts'
import { plain, plainBytes, type FailedAnswer, type Fault } from '#fake-ollama/fault.ts'
import { faults, refusedUrl, unresolvableUrl } from '#fake-ollama/faults.ts'
import { toDeltaLine, toDoneLine } from '#fake-ollama/ollama-lines.ts'
import { ndjson, pause, replay, silent, thenClosing, thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { upstreamErrors } from '#fake-ollama/upstream-errors.ts'
import { startUpstream, type Script, type Upstream } from '#fake-ollama/upstream.ts'
import {
  framings,
  generate,
  readAll,
  toTold,
  type Answer,
  type Chunk,
  type Failure,
  type Framing,
  type Reader,
} from '../reader.ts'
import { isLacking } from '../portable/lacks.ts'
import { startServer, toRuntime, type Server, type ServerName } from '../server.ts'
import { toEach } from './tables.ts'

/** Each combination of a framing and a native path. */
const ways = framings.flatMap((framing) => (['/api/generate', '/api/chat'] as const).map((path) => ({ framing, path })))

/**
 * What a reader received, in a form that is the same for every framing, before and after commit.
 */
interface Outcome {
  status: number
  /** The text before the failure, or the whole text. */
  text: string
  chunks: readonly Chunk[]
  failed: Failure | undefined
  retryAfter: number | undefined
}

function toOutcome(framing: Framing, { status, headers, text, ended }: Answer): Outcome {
  expect(ended, 'how the connection ended').toBe('clean')
  expect(text).not.toContain('\uFFFD')
  const retryAfter = headers['retry-after'] === undefined ? undefined : Number(headers['retry-after'])
  const told = status === 200 ? toTold(framing, text) : { text: '', chunks: [], failed: JSON.parse(text) as Failure }
  if (told.failed) {
    expect(Object.keys(told.failed)).toEqual(['error', 'code', 'request_id'])
    expect(told.failed.request_id).toBe(headers['x-request-id'])
  }
  return { status, retryAfter, ...told }
}

/**
 * Waits until the reader has received the tokens, and then lets the script continue and break the
 * connection. Do not call this function for a folded answer: the reader of a folded answer receives
 * no tokens before the end.
 */
async function passOnceRead(reader: Reader, upstream: Upstream, model: string, lastToken: string) {
  const { exchange } = await upstream.next(model)
  await reader.until((text) => text.includes(lastToken))
  exchange.pass()
}

/** Requests the answer of a script in every framing and at both paths, all at the same time. */
async function askEveryWay(server: Server, upstream: Upstream, fault: Pick<Fault, 'script' | 'when'>) {
  return Promise.all(
    ways.map(async ({ framing, path }) => {
      const model = upstream.script(fault.script)
      const reader = generate(server, framing, model, { path })
      if (fault.when === 'after-first-token' && framing !== 'folded') await passOnceRead(reader, upstream, model, 'três')
      const outcome = toOutcome(framing, await readAll(reader))
      // Sluice must not send the request again, because the GPU may already have worked on it.
      expect(upstream.requestsFor(model)).toHaveLength(1)
      return { framing, path, ...outcome }
    }),
  )
}

function expectFailure({ status, failed, retryAfter }: Outcome, expected: FailedAnswer, isCommitted: boolean) {
  expect([expected.code, expected.orCode]).toContain(failed?.code)
  expect(status).toBe(isCommitted ? 200 : expected.status)
  expect(failed?.error).toMatch(/\S/)
  if (typeof expected.message === 'string') expect(failed?.error).toBe(expected.message)
  if (expected.message instanceof RegExp) expect(failed?.error).toMatch(expected.message)
  if (!expected.retryAfter) return expect(retryAfter).toBeUndefined()
  expect(retryAfter).toBeGreaterThanOrEqual(expected.retryAfter[0])
  expect(retryAfter).toBeLessThanOrEqual(expected.retryAfter[1])
}

/** A stream without faults. It sends numbered tokens at a steady pace until `finish` is called. */
function createHealthy() {
  const state = { isOver: false }
  const script: Script = async (exchange) => {
    exchange.head(200, ndjson)
    let index = 0
    for (; !state.isOver && exchange.isOpen; index++) {
      exchange.chunk(`${toDeltaLine(exchange.request, ` ${index}`, index)}\n`)
      await pause(exchange, 20)
    }
    exchange.chunk(`${toDoneLine(exchange.request, index)}\n`)
    exchange.end()
  }
  return { script, finish: () => (state.isOver = true) }
}

/**
 * A variant of docs/faults.md#F18. The FIN comes later, so every runtime has time to deliver the
 * bytes that the upstream sent before the FIN.
 */
const laterFin: Fault = {
  id: 'F18',
  name: 'a done line, and a FIN without the last chunk a moment later',
  when: 'before-first-token',
  text: '',
  expect: { same: 'events' },
  async script(exchange) {
    exchange.head(200, ndjson)
    exchange.chunk(plainBytes(exchange))
    await pause(exchange, 40)
    exchange.fin()
  },
}

export function describeFaults(name: ServerName) {
  const runtime = toRuntime(name)
  const each = toEach(runtime)
  describe('faults of the upstream', () => {
    let upstream: Upstream
    let server: Server
    let healthyReader: Reader
    const healthy = createHealthy()

    beforeAll(async () => {
      upstream = await startUpstream()
      // With this long grace, SSE commits only after the first token. So every failure before that
      // token can have its real status, even on a busy machine.
      server = await startServer(name, { OLLAMA_HOST: upstream.url, SLUICE_GRACE_MS: '10000' })
      healthyReader = generate(server, 'sse', upstream.script(healthy.script))
      await healthyReader.until((text) => text.includes('data:'))
    })
    afterAll(async () => {
      await server.stop()
      await upstream.close()
    })

    const failing = faults.filter((fault): fault is Fault & { expect: FailedAnswer } => 'code' in fault.expect)
    test.each(failing)('$id: $name is the error $expect.code', async (fault) => {
      const isCommitted = fault.when === 'after-first-token'
      for (const { framing, path, ...outcome } of await askEveryWay(server, upstream, fault)) {
        const isStreamed = isCommitted && framing !== 'folded'
        expectFailure(outcome, fault.expect, isStreamed)
        expect(outcome.text, `${framing} at ${path}`).toBe(isStreamed ? fault.text : '')
      }
    })

    const isRefused = ({ name: fault }: Fault) =>
      isLacking(name, 'continue') && ['100 before the head', 'several 1xx before the head'].includes(fault)
    const harmless = faults.filter((fault) => 'same' in fault.expect && !isRefused(fault))
    test.each(faults.filter(isRefused))('$id: $name is refused by the fetch of Node', async (fault) => {
      for (const outcome of await askEveryWay(server, upstream, fault))
        expectFailure(outcome, { code: 'upstream_unreachable', status: 502 }, false)
    })

    test.each([...harmless, laterFin])('$id: $name changes nothing for the reader', async (fault) => {
      const plainly = await askEveryWay(server, upstream, { script: plain, when: 'before-first-token' })
      const oddly = await askEveryWay(server, upstream, fault)
      // When a body breaks, Bun's fetch drops all bytes that it has not delivered yet. If the FIN
      // comes together with the done line, this line is lost.
      const isLost = runtime === 'bun' && fault.id === 'F18' && fault.name.startsWith('FIN')
      const orCode = isLost ? 'upstream_failed' : fault.expect.orCode
      for (const [index, { framing, path, ...outcome }] of oddly.entries()) {
        if (orCode && outcome.failed) expectFailure(outcome, { code: orCode, status: 502 }, false)
        else expect(outcome, `${framing} at ${path}`).toEqual(expect.objectContaining(toEvents(plainly[index]!)))
      }
    })

    each(upstreamErrors)('Ollama’s $recording is the error $code', async ({ recording, ...expected }) => {
      const script = replay(recording)
      for (const outcome of await askEveryWay(server, upstream, { script, when: 'before-first-token' }))
        expectFailure(outcome, expected, false)
    })

    test('another stream continues during all of these faults, whole and in order', async () => {
      healthy.finish()
      const { text, failed, chunks } = toOutcome('sse', await readAll(healthyReader))
      expect(failed).toBeUndefined()
      expect(chunks.length).toBeGreaterThan(50)
      expect(text).toBe(
        chunks
          .slice(0, -1)
          .map((_, index) => ` ${index}`)
          .join(''),
      )
    })

    test('after these faults no exchange is open, no unknown route was requested, and only the access log was printed', async () => {
      await expect.poll(() => upstream.open, { timeout: 2000 }).toBe(0)
      expect(upstream.strangers).toEqual([])
      const printed = server.output().trim().split('\n')
      expect(printed.filter((line) => !line.startsWith('{') && !line.startsWith('Sluice listens'))).toEqual([])
    })
  })

  test('F12: four lines of 50 MB at once cost memory for the line limit only', async () => {
    const upstream = await startUpstream()
    // This test needs a new server. A server that has already read lines of this size keeps the
    // memory for them, so its memory would not grow again.
    const server = await startServer(name, { OLLAMA_HOST: upstream.url })
    try {
      await readAll(generate(server, 'sse', upstream.script(plain)))
      const { script } = faults.find(({ id, when }) => id === 'F12' && when === 'after-first-token')!
      const beforeKb = rssKbOf(server.pid)
      let mostKb = beforeKb
      const watch = setInterval(() => (mostKb = Math.max(mostKb, rssKbOf(server.pid))), 10)
      const answers = await Promise.all(
        Array.from({ length: 4 }, () => readAll(generate(server, 'sse', upstream.script(script)))),
      ).finally(() => clearInterval(watch))
      for (const answer of answers) expectFailure(toOutcome('sse', answer), { code: 'line_too_long', status: 502 }, true)
      // Sluice accepts lines of up to 4 MiB, and may use 8 MiB of memory for each line. So the four
      // lines together may use 32 MiB. The test allows 110 MiB, because the runtime may not have
      // collected all garbage yet. If Sluice read the complete lines, they would use 200 MB as
      // bytes and 200 MB more as text.
      expect((mostKb - beforeKb) / 1024).toBeLessThan(110)
    } finally {
      await server.stop()
      await upstream.close()
    }
  })

  describe('an upstream that is not there', () => {
    test.each([
      ['F1: a refused connection', refusedUrl, 50],
      ['F2: a name that does not resolve', async () => unresolvableUrl, 1000],
    ])('%s is upstream_unreachable, at once', async (_, toUrl, limitMs) => {
      const server = await startServer(name, { OLLAMA_HOST: await toUrl(), SLUICE_GRACE_MS: '10000' })
      try {
        const tookMs: number[] = []
        for (const { framing, path } of ways) {
          const startedAt = performance.now()
          const outcome = toOutcome(framing, await readAll(generate(server, framing, 'any', { path })))
          expectFailure(outcome, { code: 'upstream_unreachable', status: 502, message: /OLLAMA_HOST/ }, false)
          tookMs.push(performance.now() - startedAt)
        }
        // Only the fastest attempt is checked, because a busy machine can delay any attempt.
        expect(Math.min(...tookMs)).toBeLessThan(limitMs)
      } finally {
        await server.stop()
      }
    })
  })

  describe('an upstream that falls silent, or closes idle connections', () => {
    let upstream: Upstream
    let server: Server

    beforeAll(async () => {
      upstream = await startUpstream()
      server = await startServer(name, {
        OLLAMA_HOST: upstream.url,
        SLUICE_GRACE_MS: '100',
        SLUICE_HEARTBEAT_MS: '100',
        SLUICE_FIRST_TOKEN_TIMEOUT_MS: '600',
        SLUICE_IDLE_TIMEOUT_MS: '600',
      })
    })
    afterAll(async () => {
      await server.stop()
      await upstream.close()
    })

    const silences: { name: string; script: Script; text: string; expected: FailedAnswer }[] = [
      {
        name: 'F9: silence before the headers',
        script: silent(),
        text: '',
        expected: { code: 'first_token_timeout', status: 504 },
      },
      {
        name: 'F9: silence after the headers',
        script: thenSilent(0),
        text: '',
        expected: { code: 'first_token_timeout', status: 504 },
      },
      {
        name: 'F10: silence after a token',
        script: thenSilent(1),
        text: ' token',
        expected: { code: 'idle_timeout', status: 504 },
      },
    ]
    test.each(silences)('$name is $expected.code, after heartbeats in SSE', async ({ script, text, expected }) => {
      const [sse, lines, folded] = await Promise.all(
        framings.map((framing) => readAll(generate(server, framing, upstream.script(script)))),
      )
      expect(sse!.text).toMatch(/^:\n(?:data: .+\n\n)?(?::\n){2,}event: failed\n/)
      expectFailure(toOutcome('sse', sse!), expected, true)
      expectFailure(toOutcome('ndjson', lines!), expected, text !== '')
      expectFailure(toOutcome('folded', folded!), expected, false)
      expect(toOutcome('sse', sse!).text).toBe(text)
      expect(toOutcome('ndjson', lines!).text).toBe(text)
      await expect.poll(() => upstream.open).toBe(0)
    })

    test('F20: a connection that the upstream has closed is not used again, and no request is sent twice', async () => {
      for (let round = 0; round < 5; round++) {
        const model = upstream.script(thenClosing(tokens({ count: 2 }), 0))
        const answer = await readAll(generate(server, 'sse', model))
        expect(toOutcome('sse', answer)).toMatchObject({ text: ' token token', failed: undefined })
        expect(upstream.requestsFor(model)).toHaveLength(1)
        // After this wait, the connection has been closed for at least 20 ms, as docs/faults.md#F20
        // requires.
        await sleep(30)
      }
    })
  })

  describe('an upstream that restarts', () => {
    const streams = 1000
    let upstream: Upstream
    let server: Server

    beforeAll(async () => {
      upstream = await startUpstream()
      server = await startServer(name, { OLLAMA_HOST: upstream.url, SLUICE_MAX_STREAMS: '2000' })
    })
    afterAll(async () => {
      await server.stop()
      await upstream.close()
    })

    test(
      'F19: 1,000 streams get 1,000 honest terminals within a second, and the next request works',
      { retry: 1 },
      async () => {
        const model = upstream.script(thenSilent(1))
        const readers = Array.from({ length: streams }, () => generate(server, 'sse', model))
        await Promise.all(readers.map((reader) => reader.until((text) => text.includes('data:'), 15_000)))
        expect(upstream.open).toBe(streams)

        const stoppedAt = performance.now()
        await upstream.stop()
        const answers = await Promise.all(readers.map(readAll))
        const tookMs = performance.now() - stoppedAt
        const codes = new Set(answers.map((answer) => toOutcome('sse', answer).failed?.code))
        expect([...codes]).toEqual(['upstream_failed'])

        await upstream.start()
        const next = toOutcome('sse', await readAll(generate(server, 'sse', upstream.script(tokens({ count: 2 })))))
        expect(next).toMatchObject({ status: 200, text: ' token token', failed: undefined })
        expect(tookMs).toBeLessThan(1000)
        // Only the access log may mention the failure.
        expect(server.output()).not.toMatch(/^(?!\{|Sluice listens).+/m)
      },
    )
  })
}

function toEvents({ status, chunks, failed }: Outcome) {
  return { status, chunks, failed }
}
