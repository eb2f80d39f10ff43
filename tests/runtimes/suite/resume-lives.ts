import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { toDeltaLine } from '#fake-ollama/ollama-lines.ts'
import { flatOut, ndjson, silent, thenSilent, tokens } from '#fake-ollama/scripts.ts'
import type { Script } from '#fake-ollama/upstream.ts'
import { createRandom } from '../../random.ts'
import { askToResume, generate, read, readAll, readFailure, type Reader } from '../reader.ts'
import { finish, say, toFrames, toRecorded, toRunPath } from '../resumable.ts'
import {
  isPair,
  type PairName,
  type RuntimeName,
  type Server,
  type Stage,
  startServer,
  testOfOneProcess,
  useStage,
} from '../server.ts'

/**
 * How many viewers join one run and leave it. `RESUME_VIEWERS=10000` is the number of the issue.
 */
const viewerCount = Number(process.env.RESUME_VIEWERS ?? 1000)

const isFirst = (text: string) => text.includes(' token')
const codeIn = ({ data }: { data: string }) => (JSON.parse(data) as { code?: string; done?: boolean }).code
const terminalsOf = (text: string) =>
  toFrames(text).filter(({ event, data }) => event === 'failed' || data.includes('"done":true'))

/** Starts a run, and waits for its first token. */
async function start(stage: Stage, headers: Readonly<Record<string, string>> = {}) {
  const model = stage.upstream.script(thenSilent(1))
  const reader = askToResume(stage, model, { headers })
  await reader.until(isFirst)
  const run = toRunPath(await reader.head)
  return { model, reader, run, exchange: (await stage.upstream.next(model)).exchange }
}
const view = ({ server }: Stage, path: string, headers: Readonly<Record<string, string>> = {}) =>
  read(server, { path, headers })
const stop = ({ server }: Stage, path: string) => readAll(read(server, { path, method: 'DELETE' }))

/** The life of a run: with readers, without them, and after its end. */
export function describeResumeLives(runtime: RuntimeName | PairName) {
  describe('leaving before the head is sent', () => {
    const stage = useStage(runtime, { SLUICE_GRACE_MS: '600000', SLUICE_FIRST_TOKEN_TIMEOUT_MS: '1500' })

    test.each([
      ['/api/generate', { prompt: 'Hi' }],
      ['/v1/chat/completions', { messages: [{ role: 'user', content: 'Hi' }], stream: true }],
    ])('stops the GPU, although a resume was asked for: %s', async (path, body) => {
      const model = stage.upstream.script(silent())
      const reader = askToResume(stage, model, { path, body: { ...body, model } })
      const { exchange } = await stage.upstream.next(model)
      const leftAt = performance.now()
      reader.leave()
      expect((await exchange.closedByReader) - leftAt).toBeLessThan(runtime === 'worker' ? 2500 : 1000)
    })
  })

  describe('a run without readers', () => {
    const stage = useStage(runtime, { SLUICE_GRACE_MS: '0', SLUICE_HEARTBEAT_MS: '100' })
    afterEach(() => expect.poll(() => stage.upstream.open).toBe(0))

    test.each(['fin', 'reset'] as const)('goes on for its grace, and is then abandoned: %s', async (how) => {
      const { reader, run, exchange } = await start(stage, { prefer: 'resume=1' })
      const leftAt = performance.now()
      reader.leave(how)
      say(exchange, ' later')
      const livedMs = (await exchange.closedByReader) - leftAt
      expect(livedMs).toBeGreaterThan(950)
      expect(livedMs).toBeLessThan(2000)
      const { status, text } = await readAll(view(stage, run))
      expect(status).toBe(200)
      expect(toFrames(text)).toHaveLength(3)
      expect(text).toContain(' later')
      expect(terminalsOf(text).map(codeIn)).toEqual(['abandoned'])
    })

    test('is resumed by a viewer, and gets a new grace when that one leaves', async () => {
      const { reader, run, exchange } = await start(stage, { prefer: 'resume=1' })
      reader.leave()
      const viewer = view(stage, run)
      // These heartbeats take longer than the grace.
      await viewer.until((text) => (text.match(/^:$/gm)?.length ?? 0) > 15)
      expect(exchange.isOpen).toBe(true)
      const leftAt = performance.now()
      viewer.leave()
      expect((await exchange.closedByReader) - leftAt).toBeGreaterThan(950)
    })

    test('is not detached while one of its viewers is left', async () => {
      const { reader, run, exchange } = await start(stage, { prefer: 'resume=1' })
      const [first, second] = [view(stage, run), view(stage, run)]
      for (const viewer of [first, second]) await viewer.until(isFirst)
      reader.leave()
      first.leave('reset')
      await second.until((text) => (text.match(/^:$/gm)?.length ?? 0) > 15)
      expect(exchange.isOpen).toBe(true)
      finish(exchange)
      expect(await second.ended).toBe('clean')
      expect(terminalsOf(second.text)).toHaveLength(1)
    })

    test('ends by itself while detached, and a later viewer gets everything', async () => {
      const { reader, run, exchange } = await start(stage)
      reader.leave()
      for (let index = 0; index < 20; index++) say(exchange, ` 汉${index}`)
      finish(exchange)
      const { text } = await readAll(view(stage, run))
      expect(toFrames(text)).toHaveLength(22)
      expect(terminalsOf(text).map(codeIn)).toEqual([undefined])
    })

    test('fails while detached, and a later viewer gets the failure', async () => {
      const { reader, run, exchange } = await start(stage)
      reader.leave()
      exchange.reset()
      const { text } = await readAll(view(stage, run))
      expect(terminalsOf(text).map(codeIn)).toEqual(['upstream_failed'])
    })

    test('that is resumed at the end of its grace either goes on or has ended, and has one terminal', async () => {
      const outcomes = await Promise.all(
        [-60, -40, -25, -15, -5, 0, 5, 15, 25, 40].map(async (offsetMs) => {
          const { reader, run, exchange } = await start(stage, { prefer: 'resume=1' })
          reader.leave()
          // This is a race, so the time is the condition.
          await delay(1000 + offsetMs)
          const viewer = view(stage, run)
          await viewer.until(isFirst)
          const isOpen = await Promise.race([exchange.closedByReader.then(() => false), delay(300).then(() => true)])
          if (isOpen) finish(exchange)
          expect(await viewer.ended).toBe('clean')
          const terminals = terminalsOf(viewer.text)
          expect(terminals).toHaveLength(1)
          expect(codeIn(terminals[0]!)).toBe(isOpen ? undefined : 'abandoned')
          return isOpen
        }),
      ).catch((error: unknown) => error)
      expect(outcomes).toBeInstanceOf(Array)
    })

    test('is stopped in a race with its last token, and has one terminal', { timeout: 60_000 }, async () => {
      for (let round = 0; round < 50; round++) {
        const { reader, run, exchange } = await start(stage)
        const viewer = view(stage, run)
        await viewer.until(isFirst)
        if (round % 3 === 0) finish(exchange)
        const stopped = stop(stage, run)
        if (round % 3 === 1) finish(exchange)
        else if (round % 3 === 2) setImmediate(() => finish(exchange))
        expect((await stopped).status).toBe(204)
        for (const each of [reader, viewer]) {
          expect(await each.ended).toBe('clean')
          expect(terminalsOf(each.text)).toHaveLength(1)
        }
        exchange.end()
      }
    })
  })

  describe('detached runs', () => {
    const secrets = { alice: 'sk-of-alice', bob: 'sk-of-bob' }
    const toEntry = (name: keyof typeof secrets) => `${name}:${createHash('sha256').update(secrets[name]).digest('hex')}`
    const stage = useStage(runtime, {
      SLUICE_GRACE_MS: '0',
      SLUICE_RESUME_MAX_DETACHED: '2',
      SLUICE_API_KEYS: `${toEntry('alice')},${toEntry('bob')}`,
    })
    const by = (name: keyof typeof secrets) => ({ authorization: `Bearer ${secrets[name]}` })
    const states = async (name: keyof typeof secrets) => {
      const { text } = await readAll(view(stage, '/streams', by(name)))
      return (JSON.parse(text) as { streams: { state: string }[] }).streams.map(({ state }) => state)
    }

    testOfOneProcess(runtime)(
      'a caller who detaches a hundred runs keeps as many as SLUICE_RESUME_MAX_DETACHED, and another key its own',
      async () => {
        const bobs = await start(stage, by('bob'))
        bobs.reader.leave()
        const all: Awaited<ReturnType<typeof start>>[] = []
        for (let count = 0; count < 100; count++) all.push(await start(stage, by('alice')))
        for (const { reader } of all) reader.leave()
        await expect.poll(() => all.filter(({ exchange }) => exchange.isOpen).length).toBe(2)
        await expect
          .poll(async () => (await states('alice')).filter((state) => state !== 'finished'))
          .toEqual(['detached', 'detached'])
        expect(await states('bob')).toEqual(['detached'])
        for (const { run, exchange } of all) {
          if (exchange.isOpen) continue
          const { text } = await readAll(view(stage, run, by('alice')))
          expect(terminalsOf(text).map(codeIn)).toEqual(['abandoned'])
        }
        // When one of them is over, another run can go on in its place.
        const [open, last] = all.filter(({ exchange }) => exchange.isOpen)
        finish(open!.exchange)
        await expect.poll(async () => (await states('alice')).filter((state) => state === 'detached').length).toBe(1)
        const next = await start(stage, by('alice'))
        next.reader.leave()
        await expect.poll(async () => (await states('alice')).filter((state) => state === 'detached').length).toBe(2)
        expect(next.exchange.isOpen).toBe(true)
        for (const { exchange } of [last!, next, bobs]) finish(exchange)
        await expect.poll(() => stage.upstream.open).toBe(0)
      },
    )
  })

  describe('SLUICE_RESUME_MAX_DETACHED=0', () => {
    const stage = useStage(runtime, { SLUICE_GRACE_MS: '0', SLUICE_RESUME_MAX_DETACHED: '0' })

    test('stops a run when its last reader leaves', async () => {
      const { reader, run, exchange } = await start(stage)
      const viewer = view(stage, run)
      await viewer.until(isFirst)
      reader.leave()
      say(exchange, ' more')
      await viewer.until((text) => text.includes(' more'))
      viewer.leave()
      await exchange.closedByReader
    })
  })

  describe('the places of viewers', () => {
    const stage = useStage(runtime, {
      SLUICE_GRACE_MS: '0',
      SLUICE_HEARTBEAT_MS: '100',
      SLUICE_MAX_STREAMS: '3',
      SLUICE_MAX_STREAMS_PER_KEY: '1',
    })
    afterEach(() => expect.poll(() => stage.upstream.open).toBe(0))

    testOfOneProcess(runtime)('are counted in SLUICE_MAX_STREAMS, and not among the answers of a key', async () => {
      const { model, reader, run, exchange } = await start(stage)
      const id = run.slice('/streams/'.length)
      const viewers = [view(stage, run), askToResume(stage, model, { headers: { 'last-event-id': `${id}.0` } })]
      for (const viewer of viewers) expect((await viewer.head).status).toBe(200)
      expect(await readFailure(view(stage, run))).toMatchObject({
        status: 503,
        code: 'too_many_streams',
        headers: { 'retry-after': '5' },
      })
      expect(await readFailure(askToResume(stage, model))).toMatchObject({ status: 429, code: 'rate_limited' })
      viewers[0]!.leave()
      const next = async () => {
        viewers[0] = view(stage, run)
        return (await viewers[0].head).status
      }
      await expect.poll(next).toBe(200)
      finish(exchange)
      for (const each of [reader, ...viewers]) expect(await each.ended).toBe('clean')
    })

    test('a detached run still counts among the answers of its caller, and can be resumed by a POST', async () => {
      const { model, reader, run, exchange } = await start(stage)
      reader.leave()
      expect(await readFailure(askToResume(stage, model))).toMatchObject({ status: 429 })
      const again = askToResume(stage, model, { headers: { 'last-event-id': `${run.slice('/streams/'.length)}.0` } })
      expect((await again.head).status).toBe(200)
      expect(exchange.isOpen).toBe(true)
      expect(await stop(stage, run)).toMatchObject({ status: 204 })
      await again.ended
      await expect.poll(async () => (await generate(stage.server, 'sse', 'nobody').head).status).toBe(404)
      expect(stage.upstream.requestsFor(model)).toHaveLength(1)
    })

    test('a Last-Event-ID on another route than those that generate is no way around the limit', async () => {
      const { reader, exchange } = await start(stage)
      const headers = { 'last-event-id': 'none.0' }
      const embed = await readAll(read(stage.server, { path: '/api/embed', body: { model: 'm', input: 'Hi' }, headers }))
      expect(embed.status).toBe(429)
      finish(exchange)
      await reader.ended
    })
  })

  describe('many viewers', () => {
    const stage = useStage(runtime, {
      SLUICE_GRACE_MS: '0',
      SLUICE_MAX_STREAMS: '60',
      ...(runtime === 'worker' && { SLUICE_HEARTBEAT_MS: '100' }),
    })

    test(
      `of one run, ${viewerCount} who connect and leave, keep no place`,
      { timeout: 60_000 + viewerCount * 20 },
      async () => {
        const random = createRandom(1)
        const { reader, run, exchange } = await start(stage)
        let left = viewerCount
        async function comeAndGo() {
          while (left > 0) {
            left--
            const viewer = view(stage, run)
            if (random(4) > 0) {
              // Bun frees a place a moment after its reader has left, and workerd only at the next
              // heartbeat. So there may be none.
              const { status } = await viewer.head
              if (runtime === 'node') expect(status).toBe(200)
              if (status === 200) await viewer.until(isFirst)
            }
            viewer.leave(random.pick(['fin', 'reset']))
          }
        }
        await Promise.all(Array.from({ length: 25 }, comeAndGo))
        // All 60 places but that of the run are free again.
        const viewers: Reader[] = []
        const fill = async () => {
          while (viewers.length < 59) {
            const viewer = view(stage, run)
            if ((await viewer.head).status !== 200) return viewers.length
            viewers.push(viewer)
          }
          return viewers.length
        }
        await expect.poll(fill).toBe(59)
        finish(exchange)
        for (const each of [reader, ...viewers]) {
          expect(await each.ended).toBe('clean')
          expect(toRecorded(each.text)).toBe(toRecorded(reader.text))
        }
      },
    )
  })

  describe('a viewer that reads nothing', () => {
    /** More than the buffers of all connections may take. A pair of servers has a proxy in front. */
    const count = isPair(runtime) ? 204_800 : 102_400
    /** Sends a token. Once the test has called `pass`, sends `count` more. */
    const flood: Script = async (exchange) => {
      exchange.head(200, ndjson)
      say(exchange, ' token')
      await exchange.passed
      const lines = `${toDeltaLine(exchange.request, ' token')}\n`.repeat(64)
      for (let sent = 0; sent < count; sent += 64) {
        exchange.chunk(lines)
        await exchange.writable()
      }
      flooded.resolve()
    }
    let flooded: PromiseWithResolvers<void>
    /** Starts a run that its reader stops reading, and waits until Ollama has sent everything. */
    async function overtake(stage: Stage, headers: Readonly<Record<string, string>> = {}) {
      flooded = Promise.withResolvers()
      const model = stage.upstream.script(flood)
      const reader = askToResume(stage, model, { headers })
      await reader.until(isFirst)
      reader.pause()
      const { exchange } = await stage.upstream.next(model)
      exchange.pass()
      await flooded.promise
      return { model, reader, exchange, run: toRunPath(await reader.head) }
    }

    describe('with a short SLUICE_STALL_TIMEOUT_MS', () => {
      const secret = 'sk-of-alice'
      const hash = createHash('sha256').update(secret).digest('hex')
      const stage = useStage(runtime, {
        SLUICE_GRACE_MS: '0',
        SLUICE_STALL_TIMEOUT_MS: '500',
        SLUICE_API_KEYS: `alice:${hash}`,
      })
      const headers = { authorization: `Bearer ${secret}` }

      testOfOneProcess(runtime)('is cut, and the run goes on, detached', async () => {
        const { reader, run, exchange } = await overtake(stage, headers)
        const state = async () => /"state":"(\w+)"/.exec((await readAll(view(stage, '/streams', headers))).text)?.[1]
        await expect.poll(state).toBe('detached')
        expect(exchange.isOpen).toBe(true)
        reader.resume()
        expect(await reader.ended).toBe('broken')
        const viewer = view(stage, `${run}?after=${count - 1}`, headers)
        await viewer.until(isFirst)
        finish(exchange)
        expect(await viewer.ended).toBe('clean')
        expect(terminalsOf(viewer.text).map(codeIn)).toEqual([undefined])
      })
    })

    describe('and then goes on', () => {
      const stage = useStage(runtime, { SLUICE_GRACE_MS: '0', SLUICE_RESUME_RUN_BYTES: '65536' })

      test('gets log_dropped if the run has overtaken it, and a late viewer gets 410', async () => {
        const { model, reader, run, exchange } = await overtake(stage)
        finish(exchange)
        await expect.poll(async () => (await readAll(view(stage, `${run}?after=${count + 1}`))).status).toBe(204)
        for (const path of [run, `${run}?after=0`])
          expect(await readFailure(view(stage, path))).toMatchObject({ status: 410, code: 'log_dropped' })
        const dropped = askToResume(stage, model, { headers: { 'last-event-id': `${run.slice('/streams/'.length)}.0` } })
        expect(codeIn(toFrames((await readAll(dropped)).text).at(-1)!)).toBe('not_resumable')
        reader.resume()
        expect(await reader.ended).toBe('clean')
        expect(terminalsOf(reader.text).map(codeIn)).toEqual(['log_dropped'])
        const ids = toFrames(reader.text)
          .slice(0, -1)
          .map(({ id }) => Number(id!.split('.')[1]))
        expect(ids.every((id, index) => id === index)).toBe(true)
        expect(stage.upstream.requestsFor(model)).toHaveLength(1)
      })
    })
  })

  describe('a finished run that is erased', () => {
    const stage = useStage(runtime, { SLUICE_GRACE_MS: '0', SLUICE_RESUME_RUN_BYTES: '67108864' })

    test.each([
      ['/api/generate', { prompt: 'Hi' }],
      ['/v1/chat/completions', { messages: [{ role: 'user', content: 'Hi' }], stream: true }],
    ])('ends with log_dropped at a viewer of %s who still reads', async (path, body) => {
      const model = stage.upstream.script(flatOut({ count: 150_000, linesPerChunk: 64 }))
      const first = askToResume(stage, model, { path, body: { ...body, model }, take: () => {} })
      const run = toRunPath(await first.head)
      await first.ended
      const viewer = view(stage, run)
      await viewer.until(isFirst)
      viewer.pause()
      expect(await stop(stage, run)).toMatchObject({ status: 204 })
      viewer.resume()
      expect(await viewer.ended).toBe('clean')
      expect(toFrames(viewer.text).at(-1)).toMatchObject({
        id: undefined,
        data: expect.stringContaining('"log_dropped"') as string,
      })
      expect(await readAll(view(stage, run))).toMatchObject({ status: 404 })
    })
  })

  describe('SLUICE_RESUME_KEEP_SECONDS=1', () => {
    const stage = useStage(runtime, { SLUICE_GRACE_MS: '0', SLUICE_RESUME_KEEP_SECONDS: '1' })

    test('keeps a finished run for a second, and then it is unknown', async () => {
      const answer = await readAll(askToResume(stage, stage.upstream.script(tokens({ count: 1 }))))
      const endedAt = performance.now()
      const run = toRunPath(answer)
      expect((await readAll(view(stage, run))).status).toBe(200)
      await expect.poll(async () => (await readAll(view(stage, run))).status, { interval: 20 }).toBe(404)
      expect(performance.now() - endedAt).toBeGreaterThan(900)
    })
  })

  // On workerd each run has a Durable Object of its own, and no run makes room for another.
  describe.skipIf(runtime === 'worker')('SLUICE_RESUME_TOTAL_BYTES', () => {
    const stage = useStage(runtime, { SLUICE_GRACE_MS: '0', SLUICE_RESUME_TOTAL_BYTES: '65536' })

    testOfOneProcess(runtime)('drops the oldest runs first', async () => {
      const model = stage.upstream.script(tokens({ count: 200 }))
      const runs: string[] = []
      for (let index = 0; index < 5; index++) runs.push(toRunPath(await readAll(askToResume(stage, model))))
      const statuses = await Promise.all(runs.map(async (run) => (await readAll(view(stage, run))).status))
      // A finished run whose last frame is dropped is forgotten.
      expect(statuses[0]).toBe(404)
      expect(statuses.at(-1)).toBe(200)
    })
  })

  describe('the log of the server, and its end', () => {
    const servers: Server[] = []
    afterEach(async () => {
      await Promise.all(servers.splice(0).map((server) => server.stop()))
    })
    const upstreamStage = useStage(runtime)
    async function startLogging(env: Readonly<Record<string, string>> = {}): Promise<Stage> {
      const { upstream } = upstreamStage
      const server = await startServer(runtime, { OLLAMA_HOST: upstream.url, SLUICE_LOG: 'json', SLUICE_GRACE_MS: '0', ...env })
      servers.push(server)
      return { upstream, server }
    }
    const logOf = ({ server }: Stage) =>
      server
        .output()
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Record<string, unknown>)

    // workerd has no shutdown.
    const testOfShutdown = runtime === 'worker' ? test.skip : testOfOneProcess(runtime)
    testOfShutdown('SIGTERM ends a run with shutting_down, at every viewer and while detached', async () => {
      const stage = await startLogging({ SLUICE_SHUTDOWN_GRACE_MS: '200' })
      const { reader, run, exchange } = await start(stage)
      const viewers = [view(stage, run), view(stage, run)]
      for (const viewer of viewers) await viewer.until(isFirst)
      const detached = await start(stage, { 'x-request-id': 'detached' })
      detached.reader.leave()
      await expect.poll(() => detached.reader.isEnded).toBe(true)
      stage.server.signal('SIGTERM')
      await Promise.all([exchange.closedByReader, detached.exchange.closedByReader])
      for (const each of [reader, ...viewers]) {
        expect(await each.ended).toBe('clean')
        expect(terminalsOf(each.text).map(codeIn)).toEqual(['shutting_down'])
      }
      expect(await stage.server.exited).toBe(0)
      expect(logOf(stage).find(({ request_id }) => request_id === 'detached')).toMatchObject({ code: 'shutting_down' })
    })

    // A run may end before its process knows of a viewer at another one.
    testOfOneProcess(runtime)(
      'has who resumed, how many viewers there were and how long there was none, and no run id',
      async () => {
        const stage = await startLogging()
        const { model, reader, run, exchange } = await start(stage, { 'x-request-id': 'first' })
        const id = run.slice('/streams/'.length)
        reader.leave()
        const viewer = view(stage, run, { 'x-request-id': 'second' })
        await viewer.until(isFirst)
        finish(exchange)
        await viewer.ended
        for (const request of [
          view(stage, `${run}?after=0`),
          view(stage, `${run}?after=x`),
          view(stage, `${run}?after=99`),
          view(stage, run, { 'last-event-id': `${id}.1` }),
          view(stage, run, { 'last-event-id': `${id}x` }),
          view(stage, `${run}/`),
          view(stage, `${run}0`),
          view(stage, `/ollama/cancel/${id}`),
          askToResume(stage, model, { headers: { 'last-event-id': `${id}.0` } }),
          askToResume(stage, model, { headers: { 'last-event-id': `${id}.9` } }),
          askToResume(stage, model, { headers: { 'last-event-id': `${id}0.0` } }),
          read(stage.server, { path: run, method: 'PUT' }),
        ])
          await readAll(request)
        await stop(stage, run)
        await readAll(view(stage, run, { 'x-request-id': 'last' }))
        await expect.poll(() => logOf(stage).find(({ request_id }) => request_id === 'last')).toMatchObject({ status: 404 })
        await expect.poll(() => logOf(stage).find(({ request_id }) => request_id === 'first')).toBeDefined()
        const first = logOf(stage).find(({ request_id }) => request_id === 'first')!
        expect(first).toMatchObject({ ended: 'done', viewers: 2, detached_ms: expect.any(Number) as number })
        expect(logOf(stage).find(({ request_id }) => request_id === 'second')).toMatchObject({
          route: '/streams/:run',
          resumed: true,
          ended: 'done',
        })
        expect(stage.server.output()).not.toContain(id.slice(0, 12))
      },
    )
  })
}
