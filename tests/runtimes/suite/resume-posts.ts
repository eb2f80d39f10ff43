import { fetchEventSource } from '@microsoft/fetch-event-source'
import { createEventSource } from 'eventsource-client'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { thenSilent, tokens, tokensThen } from '#fake-ollama/scripts.ts'
import type { Exchange } from '#fake-ollama/upstream.ts'
import { surfaces, toEnding } from '../../surfaces.ts'
import { startCuttingProxy, uncut, type Cut, type CuttingProxy } from '../../cutting-proxy.ts'
import { askToResume, read, readAll, readFailure, readRaw, toPost } from '../reader.ts'
import { finish, say, toFrames, toRecorded, toRunPath } from '../resumable.ts'
import { countRequests, startServer, useStage, type PairName, type RuntimeName, type Server } from '../server.ts'

const isFirst = (text: string) => text.includes(' token')
const unknown = '0'.repeat(32)
const ofSse = surfaces.filter(({ endpoint, language }) => endpoint !== undefined && language.ofEvent)
const ofOther = surfaces.filter(({ endpoint, language }) => endpoint !== undefined && !language.ofEvent)

/** A POST with `Last-Event-ID` repeats an earlier one. It never generates. */
export function describeResumePosts(runtime: RuntimeName | PairName) {
  describe('a POST with Last-Event-ID', () => {
    const stage = useStage(runtime, { SLUICE_GRACE_MS: '0', SLUICE_HEARTBEAT_MS: '100' })
    const repeat = (model: string, lastEventId: string, path = '/api/generate', body: object = { prompt: 'Hi' }) =>
      askToResume(stage, model, { path, body: { ...body, model }, headers: { 'last-event-id': lastEventId } })

    test.each(ofSse)(
      'of an unknown run is 200 with the one failure of $path, and its repetition is 204',
      async ({ path, body, streams, ...surface }) => {
        const model = stage.upstream.script(tokens({ count: 1 }))
        const asked = await countRequests(stage, async () => {
          const first = await readAll(repeat(model, `${unknown}.5`, path, { ...body, ...streams }))
          expect(first).toMatchObject({ status: 200, headers: { 'content-type': 'text/event-stream' }, ended: 'clean' })
          const { status, headers, text } = first
          expect(toEnding({ path, body, ...surface }, { status, contentType: headers['content-type'], text })).toBe('failed')
          expect(text).toMatch(/cannot be resumed/)
          expect(headers).not.toHaveProperty('content-location')
          const last = toFrames(text).at(-1)!
          expect(last.id, 'the id of the terminal').toBe('none.0')
          expect(await readAll(repeat(model, last.id!, path, { ...body, ...streams }))).toMatchObject({ status: 204, text: '' })
        })
        expect(asked).toBe(0)
      },
    )

    test.each(ofOther)('of an unknown run never generates at $path either', async ({ path, body }) => {
      const model = stage.upstream.script(tokens({ count: 1 }))
      const asked = await countRequests(stage, async () => {
        expect((await readAll(repeat(model, `${unknown}.5`, path, body))).status).toBe(409)
        expect((await readAll(repeat(model, 'none.0', path, body))).status).toBe(204)
      })
      expect(asked).toBe(0)
    })

    test.each([
      '',
      '0',
      'x',
      `${unknown}.`,
      `${unknown}.-1`,
      `${unknown}.1.1`,
      `${unknown}.1, ${unknown}.1`,
      'a\u0001b.0',
      'é.0',
      `x.${'9'.repeat(16)}`,
      '9'.repeat(8000),
    ])('of another form is 400, and never generates: %j', async (lastEventId) => {
      const body = JSON.stringify({ model: stage.upstream.script(tokens({ count: 1 })), prompt: 'Hi' })
      const asked = await countRequests(stage, async () => {
        const headers = [`Content-Length: ${body.length}`, 'Connection: close']
        const bytes = toPost('/api/generate', body, [...headers, 'Last-Event-ID: @'])
        const at = bytes.indexOf('@')
        const field = Buffer.from(lastEventId, 'latin1')
        const reader = readRaw(stage.server, Buffer.concat([bytes.subarray(0, at), field, bytes.subarray(at + 1)]))
        await reader.closed
        expect(reader.text).toMatch(/^HTTP\/1\.1 400 /)
      })
      expect(asked).toBe(0)
    })

    test('of a body that would be refused is refused', async () => {
      expect(await readFailure(repeat('../x', 'none.0'))).toMatchObject({ status: 400 })
    })

    test.each(ofSse)('of a run of $path is the rest of the answer, byte for byte', async ({ path, body, streams }) => {
      const model = stage.upstream.script(tokens({ count: 3, text: (index) => ` 汉${index}` }))
      const whole = { ...body, ...streams }
      const first = await readAll(askToResume(stage, model, { path, body: { ...whole, model } }))
      const text = toRecorded(first.text)
      const frames = toFrames(text)
      const asked = await countRequests(stage, async () => {
        for (const [index, { id }] of frames.entries()) {
          const again = await readAll(repeat(model, id!, path, whole))
          if (index === frames.length - 1) expect(again).toMatchObject({ status: 204, text: '' })
          else {
            expect(again.status).toBe(200)
            expect(again.headers['content-location']).toBe(toRunPath(first))
            expect(toRecorded(again.text)).toBe(text.slice(-toRecorded(again.text).length))
            expect(toFrames(toRecorded(again.text))).toEqual(frames.slice(index + 1))
          }
        }
        const beyond = frames.at(-1)!.id!.replace(/\d+$/, (last) => `${Number(last) + 1}`)
        expect((await readAll(repeat(model, beyond, path, whole))).status).toBe(400)
      })
      expect(asked).toBe(0)
    })

    test('of an open run follows it, also when it is sent twice', async () => {
      const model = stage.upstream.script(thenSilent(2))
      const reader = askToResume(stage, model)
      await reader.until((text) => text.split(' token').length > 2)
      const run = toRunPath(await reader.head)
      const id = run.slice('/streams/'.length)
      const { exchange } = await stage.upstream.next(model)
      reader.leave('reset')
      const twice = [repeat(model, `${id}.0`), repeat(model, `${id}.0`)]
      for (const each of twice) await each.until(isFirst)
      say(exchange, ' more')
      finish(exchange)
      const { text } = await readAll(read(stage.server, { path: run }))
      for (const each of twice) {
        expect(await each.ended).toBe('clean')
        expect(toFrames(each.text)).toEqual(toFrames(text).slice(1))
      }
      expect(stage.upstream.requestsFor(model)).toHaveLength(1)
    })
  })

  describeLibraries(runtime)
}

interface Following {
  /** The tokens that the library has delivered, and the events that end an answer. */
  readonly told: string[]
  /** The status of each response. */
  readonly statuses: number[]
  /** The path of the run in each response that has one. */
  readonly runs: string[]
  /** Resolves when the library has stopped for good. */
  readonly stopped: Promise<void>
  /** Stops the library, if a test has failed. */
  abort(): void
}

type Follow = (url: string, body: object) => Following

const headers = { prefer: 'resume=30', accept: 'text/event-stream' }

function createFollowing() {
  const told: string[] = []
  const statuses: number[] = []
  const runs: string[] = []
  const { promise: stopped, resolve: stop, reject } = Promise.withResolvers<void>()
  return {
    told,
    statuses,
    runs,
    stopped,
    stop,
    reject,
    take(event: string | undefined, data: string) {
      if (event) told.push(event)
      else told.push((JSON.parse(data) as { response: string }).response || 'done')
    },
    async fetch(...[url, init]: Parameters<typeof fetch>) {
      const response = await fetch(url, init)
      statuses.push(response.status)
      const run = response.headers.get('content-location')
      if (run !== null) runs.push(run)
      return response
    },
  }
}

/** This client repeats its request after every end. Only a 204 stops it. */
const withEventSourceClient: Follow = (url, body) => {
  const { take, stop, ...following } = createFollowing()
  const source = createEventSource({
    url,
    method: 'POST',
    headers,
    body: JSON.stringify(body),
    fetch: following.fetch,
    onMessage: ({ event, data }) => take(event, data),
    // The state changes after this call.
    onDisconnect: () => queueMicrotask(() => source.readyState === 'closed' && stop()),
  })
  return { ...following, abort: source.close }
}

/**
 * This client repeats its request after an error. It takes a 204 for an error, and would repeat its
 * request every second for ever. So `onopen` has to stop it.
 */
const withFetchEventSource: Follow = (url, body) => {
  const { take, stop, reject, ...following } = createFollowing()
  const controller = new AbortController()
  fetchEventSource(url, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
    signal: controller.signal,
    openWhenHidden: true,
    fetch: following.fetch,
    async onopen({ status }) {
      if (status === 204) controller.abort()
    },
    onmessage: ({ event, data }) => take(event, data),
  }).then(stop, reject)
  return { ...following, abort: () => controller.abort() }
}

const libraries = [
  { name: 'eventsource-client', follow: withEventSourceClient },
  { name: '@microsoft/fetch-event-source', follow: withFetchEventSource },
] as const

/** Passes everything up to the end of the first match, and cuts there. */
const after =
  (pattern: RegExp): Cut =>
  (received) => {
    const match = pattern.exec(received.toString('latin1'))
    return match ? match.index + match[0].length : received.byteLength
  }

/** Two libraries that repeat a POST, over a network that breaks connections. */
function describeLibraries(runtime: RuntimeName | PairName) {
  describe('libraries that repeat a POST', () => {
    const stage = useStage(runtime, { SLUICE_GRACE_MS: '0', SLUICE_HEARTBEAT_MS: '60000' })
    const servers: Server[] = []
    const proxies: CuttingProxy[] = []
    const started: Following[] = []

    // `fetch-event-source` needs these browser globals.
    beforeAll(() => {
      vi.stubGlobal('window', globalThis)
      vi.stubGlobal('document', new EventTarget())
    })
    afterAll(() => {
      vi.unstubAllGlobals()
    })
    afterEach(async () => {
      for (const { abort } of started.splice(0)) abort()
      await Promise.all(proxies.splice(0).map((proxy) => proxy.close()))
      await Promise.all(servers.splice(0).map((server) => server.stop()))
      await expect.poll(() => stage.upstream.open).toBe(0)
    })

    /** Follows an answer through a proxy. `cuts` are those of the first connections. */
    async function start(follow: Follow, model: string, cuts: Cut[] = [], toPort = () => stage.server.port) {
      const proxy = await startCuttingProxy(toPort, () => cuts.shift() ?? uncut)
      proxies.push(proxy)
      const following = follow(`${proxy.url}/api/generate`, { model, prompt: 'Hi' })
      started.push(following)
      return following
    }

    describe.each(libraries)('$name', ({ follow }) => {
      test.each([
        { how: 'done', end: finish, last: 'done' },
        { how: 'a failure', end: ({ reset }: Exchange) => reset(), last: 'failed' },
      ])('stops after at most 3 requests behind $how', async ({ end, last }) => {
        const model = stage.upstream.script(tokensThen([' one', ' two'], end))
        const { told, statuses, stopped } = await start(follow, model)
        await expect.poll(() => told).toEqual([' one', ' two'])
        ;(await stage.upstream.next(model)).exchange.pass()
        await stopped
        expect(told).toEqual([' one', ' two', last])
        expect(statuses.length).toBeLessThanOrEqual(3)
        expect(stage.upstream.requestsFor(model)).toHaveLength(1)
      })

      test('stops after at most 3 requests behind a stop', async () => {
        const model = stage.upstream.script(thenSilent(1))
        const { told, statuses, runs, stopped } = await start(follow, model)
        await expect.poll(() => told).toEqual([' token'])
        expect(await readAll(read(stage.server, { path: runs[0]!, method: 'DELETE' }))).toMatchObject({ status: 204 })
        await stopped
        expect(told).toEqual([' token', 'failed'])
        expect(statuses.length).toBeLessThanOrEqual(3)
        expect(stage.upstream.requestsFor(model)).toHaveLength(1)
      })

      test('gets each token once over a connection that is cut in the middle of an answer', async () => {
        const model = stage.upstream.script(thenSilent(2))
        const { told, statuses, stopped } = await start(follow, model, [after(/" token".+\n(?:id.+\n)?\n/)])
        const { exchange } = await stage.upstream.next(model)
        await expect.poll(() => statuses.length, { timeout: 10_000 }).toBe(2)
        say(exchange, ' more')
        finish(exchange)
        await stopped
        expect(told).toEqual([' token', ' token', ' more', 'done'])
        expect(statuses.length).toBeLessThanOrEqual(3)
        expect(stage.upstream.requestsFor(model)).toHaveLength(1)
      })

      test('gets each token once, wherever in a frame the connection is cut', async () => {
        // The last byte of a frame is left out: `fetch-event-source` takes the id before it.
        const offsets = [1, 5, 20, 60, 120, 130, 140, 150, 160]
        const told = await Promise.all(
          offsets.map(async (offset) => {
            const model = stage.upstream.script(tokens({ count: 3, text: (index) => ` ${index}` }))
            const cut: Cut = (received) => {
              const at = received.indexOf('"response":" 0"')
              const frame = at < 0 ? -1 : received.indexOf('\n\n', at) + 2
              const next = frame < 2 ? -1 : received.indexOf('\n\n', frame) + 2
              return next < 2 ? received.byteLength : Math.min(frame + offset, next - 2)
            }
            const { told, stopped } = await start(follow, model, [cut])
            await stopped
            expect(stage.upstream.requestsFor(model)).toHaveLength(1)
            return told
          }),
        )
        expect(told).toEqual(offsets.map(() => [' 0', ' 1', ' 2', 'done']))
      })

      test('stops after at most 3 requests over a connection that is cut behind the last frame', async () => {
        const model = stage.upstream.script(tokens({ count: 2 }))
        const { told, statuses, stopped } = await start(follow, model, [after(/"done":true.+\n(?:id.+\n)?\n/)])
        await stopped
        expect(told).toEqual([' token', ' token', 'done'])
        expect(statuses).toEqual([200, 204])
        expect(stage.upstream.requestsFor(model)).toHaveLength(1)
      })

      test('stops after at most 3 requests when the server was started again', async () => {
        const [first, second] = await Promise.all(
          [0, 1].map(() =>
            startServer(runtime, { OLLAMA_HOST: stage.upstream.url, SLUICE_LOG: 'silent', SLUICE_GRACE_MS: '0' }),
          ),
        )
        servers.push(first!, second!)
        let port = first!.port
        const model = stage.upstream.script(thenSilent(1))
        const { told, statuses, stopped } = await start(follow, model, [], () => port)
        await expect.poll(() => told).toEqual([' token'])
        port = second!.port
        await first!.stop()
        await stopped
        expect(told).toEqual([' token', 'failed'])
        expect(statuses.length).toBeLessThanOrEqual(3)
        expect(stage.upstream.requestsFor(model)).toHaveLength(1)
      })
    })
  })
}
