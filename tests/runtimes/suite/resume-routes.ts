import { createHash } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import { silent, thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { askToResume, read, readAll, readFailure, readRaw, type Reader } from '../reader.ts'
import { finish, say, toFrames, toRecorded, toRunPath } from '../resumable.ts'
import { countRequests, type PairName, type RuntimeName, testOfOneProcess, useStage } from '../server.ts'

const isFirst = (text: string) => text.includes(' token')
const codeOf = (text: string) => (JSON.parse(toFrames(text).at(-1)!.data) as { code?: string }).code

/** Ids that no run has. Some of them are malformed. */
const strangeIds = [
  '0'.repeat(32),
  'none',
  'a',
  'x'.repeat(5000),
  '%00',
  '%0a',
  '%E0%A4%A',
  'a%2Fb',
  '..%2f..',
  '__proto__',
  'constructor',
  '%f0%9f%98%80',
]

/** `/streams` and `/streams/:run` (docs/protocol.md, "Resume"). */
export function describeResumeRoutes(runtime: RuntimeName | PairName) {
  describe('GET /streams/:run', () => {
    const stage = useStage(runtime, { SLUICE_GRACE_MS: '0', SLUICE_HEARTBEAT_MS: '100' })
    afterEach(() => expect.poll(() => stage.upstream.open).toBe(0))

    const get = (path: string, headers: Readonly<Record<string, string>> = {}) => read(stage.server, { path, headers })

    async function start(count = 1) {
      const model = stage.upstream.script(thenSilent(count))
      const reader = askToResume(stage, model)
      const run = toRunPath(await reader.head)
      await reader.until((text) => text.split(' token').length > count)
      return { reader, run, id: run.slice('/streams/'.length), exchange: (await stage.upstream.next(model)).exchange }
    }
    async function startFinished(count = 3) {
      const answer = await readAll(askToResume(stage, stage.upstream.script(tokens({ count }))))
      const run = toRunPath(answer)
      // Another process may learn a little later that the run is finished.
      const status = async () => (await readAll(get(`${run}?after=${count}`))).status
      await expect.poll(async () => [await status(), await status()]).toEqual([204, 204])
      return { run, id: run.slice('/streams/'.length), text: toRecorded(answer.text) }
    }

    test('replays an open run and follows it, byte for byte, for any number of viewers, without a preference', async () => {
      const { reader, run, exchange } = await start()
      const requests = await countRequests(stage, async () => {
        const viewers: Reader[] = []
        for (let joined = 0; joined < 10; joined++) {
          const viewer = get(run)
          await viewer.until(isFirst)
          viewers.push(viewer)
          say(exchange, ` 汉${joined}`)
        }
        finish(exchange)
        expect(await reader.ended).toBe('clean')
        for (const viewer of viewers) {
          const { status, headers, text, ended } = await readAll(viewer)
          expect({ status, ended }).toEqual({ status: 200, ended: 'clean' })
          expect(headers).toMatchObject({ 'content-type': 'text/event-stream', 'content-location': run })
          expect(toRecorded(text)).toBe(toRecorded(reader.text))
        }
      })
      expect(requests).toBe(0)
      expect(toFrames(reader.text)).toHaveLength(12)
    })

    test('sends heartbeats to a viewer while the run is silent', async () => {
      const { reader, run, exchange } = await start()
      const viewer = get(run)
      await viewer.until((text) => (text.match(/^:$/gm)?.length ?? 0) > 3)
      finish(exchange)
      await Promise.all([viewer.ended, reader.ended])
      expect(toRecorded(viewer.text)).toBe(toRecorded(reader.text))
    })

    test('has the frames of the other dialects too', async () => {
      const model = stage.upstream.script(tokens({ count: 2 }))
      for (const [path, body] of [
        ['/chat', { text: 'Hi' }],
        ['/v1/chat/completions', { messages: [{ role: 'user', content: 'Hi' }], stream: true }],
        ['/v1/messages', { messages: [{ role: 'user', content: 'Hi' }], stream: true, max_tokens: 9 }],
      ] as const) {
        const answer = await readAll(askToResume(stage, model, { path, body: { model, ...body } }))
        const replay = await readAll(get(toRunPath(answer)))
        expect(toRecorded(replay.text)).toBe(toRecorded(answer.text))
        for (const name of ['content-type', 'cache-control', 'x-vercel-ai-ui-message-stream'])
          expect(replay.headers[name], name).toBe(answer.headers[name])
      }
    })

    test('goes on after Last-Event-ID or ?after, and the header wins', async () => {
      const { run, id, text } = await startFinished()
      for (const after of [0, 1, 2]) {
        const expected = { status: 200, ended: 'clean' }
        const byHeader = await readAll(get(run, { 'last-event-id': `${id}.${after}` }))
        const byQuery = await readAll(get(`${run}?after=${after}`))
        const byBoth = await readAll(get(`${run}?after=0`, { 'last-event-id': `${id}.${after}` }))
        for (const answer of [byHeader, byQuery, byBoth]) {
          expect(answer).toMatchObject(expected)
          expect(toFrames(answer.text)).toEqual(toFrames(text).slice(after + 1))
        }
      }
    })

    test('is 204 without a body once everything was read and the run is over', async () => {
      const { run, id } = await startFinished()
      for (const answer of [
        await readAll(get(run, { 'last-event-id': `${id}.3` })),
        await readAll(get(`${run}?after=3`)),
        await readAll(get(`${run}?after=0`, { 'last-event-id': `${id}.3` })),
      ])
        expect(answer).toMatchObject({ status: 204, text: '', ended: 'clean' })
    })

    test('is 400 beyond the end of a finished run', async () => {
      const { run, id } = await startFinished()
      for (const reader of [
        get(run, { 'last-event-id': `${id}.4` }),
        get(run, { 'last-event-id': `${id}.999999999999999` }),
        get(`${run}?after=4`),
      ])
        expect(await readFailure(reader)).toMatchObject({ status: 400, code: 'invalid_request' })
    })

    test('waits ahead of an open run, and sends only what comes after that place', async () => {
      const { reader, run, id, exchange } = await start()
      const viewers = [get(`${run}?after=2`), get(run, { 'last-event-id': `${id}.2` })]
      for (const viewer of viewers) await viewer.until((text) => text.startsWith(':\n:\n'))
      for (const word of [' one', ' two', ' three']) say(exchange, word)
      for (const viewer of viewers) await viewer.until((text) => text.includes(' three'))
      finish(exchange)
      await reader.ended
      for (const viewer of viewers) {
        expect(await viewer.ended).toBe('clean')
        expect(toFrames(viewer.text)).toEqual(toFrames(reader.text).slice(3))
      }
    })

    test('ahead of an open run that ends before that place, a viewer gets a failure and no other frame', async () => {
      const { reader, run, exchange } = await start()
      const viewer = get(`${run}?after=100`)
      await viewer.until((text) => text !== '')
      finish(exchange)
      await Promise.all([reader.ended, viewer.ended])
      expect(toFrames(viewer.text).map(({ event }) => event)).toEqual(['failed'])
    })

    test.each(['?after=', '?after=x', '?after=-1', '?after=1.0', '?after=1e3', '?after=0&after=1', `?after=${'9'.repeat(16)}`])(
      'is 400 for %s, of an open and of a finished run',
      async (query) => {
        const { reader, run, exchange } = await start()
        expect(await readFailure(get(run + query))).toMatchObject({ status: 400, code: 'invalid_request' })
        finish(exchange)
        await reader.ended
        expect(await readFailure(get(run + query))).toMatchObject({ status: 400, code: 'invalid_request' })
      },
    )

    test('is 400 for a malformed Last-Event-ID and for the id of another run', async () => {
      const [{ run, id }, other] = [await startFinished(), await startFinished()]
      const good = `${id}.0`
      for (const bad of [
        '0',
        id,
        `${id}.`,
        `${id}.-1`,
        `${id}.+1`,
        `${id}.1.0`,
        `${id}.1 ${id}.2`,
        `${good}, ${good}`,
        `${good},${good}`,
        `${good}\t0`,
        `${good}\u0001`,
        `${good}\u007f`,
        `${good}é`,
        `${id}.${'9'.repeat(16)}`,
        `${id.slice(1)}.0`,
        `${id}0.0`,
        `${id.toUpperCase()}x.0`,
        `${other.id}.0`,
        'none.0',
        'x'.repeat(4000),
        '.',
        '.0',
      ]) {
        const raw = await rawGet(run, `Last-Event-ID: ${bad}`)
        expect(raw, JSON.stringify(bad)).toMatch(/^HTTP\/1\.1 400 /)
      }
    })

    test('an empty Last-Event-ID is malformed too', async () => {
      const { run } = await startFinished()
      expect(await rawGet(run, 'Last-Event-ID: ')).toMatch(/^HTTP\/1\.1 400 /)
    })

    test('two Last-Event-ID headers are malformed', async () => {
      const { run, id } = await startFinished()
      expect(await rawGet(run, `Last-Event-ID: ${id}.0`, `Last-Event-ID: ${id}.1`)).toMatch(/^HTTP\/1\.1 400 /)
    })

    /** Returns all bytes of a response. `node:http` refuses to send some of these headers. */
    async function rawGet(path: string, ...lines: readonly string[]): Promise<string> {
      const head = [`GET ${path} HTTP/1.1`, 'Host: 127.0.0.1', 'Connection: close', ...lines, '', ''].join('\r\n')
      const reader = readRaw(stage.server, Buffer.from(head, 'latin1'))
      await reader.closed
      return reader.text
    }

    test.each(strangeIds)('%s is 404, on both verbs', async (id) => {
      for (const method of ['GET', 'DELETE'])
        for (const headers of [{}, { 'last-event-id': 'x' }])
          expect(await readFailure(read(stage.server, { path: `/streams/${id}`, method, headers }))).toMatchObject({
            status: 404,
            code: 'not_found',
          })
    })

    test('a cut or doubled id is 404, and the list is 404 without keys', async () => {
      const { id } = await startFinished()
      for (const path of [id.slice(1), `${id}${id}`, `${id}.0`, `${id}/`, ` ${id}`, id.toUpperCase() + 'Z', `${id}%20`])
        expect(await readAll(get(`/streams/${encodeURI(path)}`)), path).toMatchObject({ status: 404 })
      for (const path of ['/streams', '/streams/']) expect(await readAll(get(path))).toMatchObject({ status: 404 })
    })

    test('other methods are 405, and change nothing', async () => {
      const { reader, run, exchange } = await start()
      for (const method of ['HEAD', 'POST', 'PUT', 'PATCH', 'OPTIONS'])
        expect(await readAll(read(stage.server, { path: run, method })), method).toMatchObject({
          status: 405,
          headers: { allow: 'GET, DELETE' },
        })
      expect(await readAll(read(stage.server, { path: '/streams', method: 'DELETE' }))).toMatchObject({ status: 405 })
      expect([exchange.isOpen, reader.isEnded]).toEqual([true, false])
      finish(exchange)
      await reader.ended
    })
  })

  describe('DELETE /streams/:run', () => {
    const stage = useStage(runtime, {
      SLUICE_GRACE_MS: '0',
      SLUICE_HEARTBEAT_MS: '3600000',
      SLUICE_UPSTREAM_STREAMS: '1',
      SLUICE_QUEUE: '2',
    })
    afterEach(() => expect.poll(() => stage.upstream.open).toBe(0))

    const stop = (run: string) => readAll(read(stage.server, { path: run, method: 'DELETE' }))
    const view = (run: string) => read(stage.server, { path: run })
    const cancelled = { event: 'failed', data: expect.stringContaining('"code":"cancelled"') as string }

    test('between tokens stops the upstream, and each viewer gets the one terminal', async () => {
      const model = stage.upstream.script(thenSilent(1))
      const reader = askToResume(stage, model)
      const run = toRunPath(await reader.head)
      const { exchange } = await stage.upstream.next(model)
      const viewers = [view(run), view(run)]
      for (const each of [reader, ...viewers]) await each.until(isFirst)
      expect(await stop(run)).toMatchObject({ status: 204, text: '' })
      await exchange.closedByReader
      for (const each of [reader, ...viewers]) {
        expect(await each.ended).toBe('clean')
        const frames = toFrames(each.text)
        expect(frames.slice(1)).toMatchObject([cancelled])
        expect(toRecorded(each.text)).toBe(toRecorded(reader.text))
      }
    })

    test('before the first token stops the upstream', async () => {
      const model = stage.upstream.script(silent())
      const reader = askToResume(stage, model)
      const run = toRunPath(await reader.head)
      const { exchange } = await stage.upstream.next(model)
      expect(await stop(run)).toMatchObject({ status: 204 })
      await exchange.closedByReader
      expect(await reader.ended).toBe('clean')
      expect(toFrames(reader.text)).toMatchObject([cancelled])
    })

    test('while the model loads stops the upstream', async () => {
      const model = stage.upstream.script(silent())
      const reader = askToResume(stage, model, { headers: { prefer: 'status, resume' } })
      await reader.until((text) => text.includes('"status":"loading"'))
      const { exchange } = await stage.upstream.next(model)
      expect(await stop(toRunPath(await reader.head))).toMatchObject({ status: 204 })
      await exchange.closedByReader
      expect(await reader.ended).toBe('clean')
      expect(toFrames(reader.text).at(-1)).toMatchObject(cancelled)
    })

    testOfOneProcess(runtime)('in the queue causes no request, and frees the place', async () => {
      const busy = stage.upstream.script(thenSilent(1))
      const first = askToResume(stage, busy)
      await first.until(isFirst)
      const model = stage.upstream.script(thenSilent(1))
      const waiting = [askToResume(stage, model), askToResume(stage, model)]
      const runs = await Promise.all(waiting.map(async (reader) => toRunPath(await reader.head)))
      for (const run of runs) expect(await stop(run)).toMatchObject({ status: 204 })
      for (const reader of waiting) {
        expect(await reader.ended).toBe('clean')
        expect(toFrames(reader.text)).toMatchObject([cancelled])
      }
      expect(stage.upstream.requestsFor(model)).toEqual([])
      // Both places of the queue are free again.
      const next = stage.upstream.script(tokens({ count: 1 }))
      const later = [askToResume(stage, next), askToResume(stage, next)]
      for (const reader of later) expect((await reader.head).status).toBe(200)
      finish((await stage.upstream.next(busy)).exchange)
      for (const reader of [first, ...later]) expect(await reader.ended).toBe('clean')
    })

    test('while detached stops the upstream, and a later viewer gets the terminal', async () => {
      for (const script of [thenSilent(1), silent()]) {
        const model = stage.upstream.script(script)
        const reader = askToResume(stage, model)
        const run = toRunPath(await reader.head)
        const { exchange } = await stage.upstream.next(model)
        if (script !== silent()) await reader.until((text) => text !== '')
        reader.leave()
        expect(await stop(run)).toMatchObject({ status: 204 })
        await exchange.closedByReader
        const { status, text } = await readAll(view(run))
        expect(status).toBe(200)
        expect(toFrames(text).at(-1)).toMatchObject(cancelled)
      }
    })

    test('may be repeated, then erases the log, and then the run is unknown', async () => {
      const model = stage.upstream.script(thenSilent(1))
      const reader = askToResume(stage, model)
      await reader.until(isFirst)
      const run = toRunPath(await reader.head)
      const stops = await Promise.all(Array.from({ length: 5 }, () => stop(run)))
      // The stops after the end of the run erase the log.
      const statuses = new Set(stops.map(({ status }) => status))
      expect(statuses).toContain(204)
      expect([[204], [204, 404]]).toContainEqual([...statuses].toSorted((a, b) => a - b))
      await reader.ended
      await expect.poll(async () => (await stop(run)).status).toBe(404)
      expect(await readAll(view(run))).toMatchObject({ status: 404 })
    })

    test('of a finished run erases its log', async () => {
      const answer = await readAll(askToResume(stage, stage.upstream.script(tokens({ count: 1 }))))
      const run = toRunPath(answer)
      expect(await readAll(view(run))).toMatchObject({ status: 200 })
      expect(await stop(run)).toMatchObject({ status: 204 })
      for (const { status } of [await readAll(view(run)), await stop(run)]) expect(status).toBe(404)
    })

    test('/ollama/cancel/:id stops a run by the request id of a viewer too', async () => {
      const model = stage.upstream.script(thenSilent(1))
      const reader = askToResume(stage, model)
      await reader.until(isFirst)
      const { exchange } = await stage.upstream.next(model)
      const viewer = read(stage.server, { path: toRunPath(await reader.head), headers: { 'x-request-id': 'viewer' } })
      await viewer.until(isFirst)
      expect(await readAll(read(stage.server, { path: '/ollama/cancel/viewer' }))).toMatchObject({ status: 204 })
      await exchange.closedByReader
      for (const each of [reader, viewer]) {
        expect(await each.ended).toBe('clean')
        expect(toFrames(each.text).slice(1)).toMatchObject([cancelled])
      }
    })

    test('/ollama/cancel/:id stops a run too, attached and detached', async () => {
      for (const isDetached of [false, true]) {
        const model = stage.upstream.script(thenSilent(1))
        const requestId = `cancel-${isDetached}`
        const reader = askToResume(stage, model, { headers: { 'x-request-id': requestId } })
        await reader.until(isFirst)
        const run = toRunPath(await reader.head)
        const { exchange } = await stage.upstream.next(model)
        if (isDetached) reader.leave()
        expect(await readAll(read(stage.server, { path: `/ollama/cancel/${requestId}` }))).toMatchObject({ status: 204 })
        await exchange.closedByReader
        const { text } = await readAll(view(run))
        expect(toFrames(text).slice(1)).toMatchObject([cancelled])
      }
    })
  })

  describe('runs of several keys', () => {
    const secrets = { alice: 'sk-of-alice', bob: 'sk-of-bob' }
    const toEntry = (name: keyof typeof secrets) => `${name}:${createHash('sha256').update(secrets[name]).digest('hex')}`
    const stage = useStage(runtime, { SLUICE_GRACE_MS: '0', SLUICE_API_KEYS: `${toEntry('alice')},${toEntry('bob')}` })
    const by = (name: keyof typeof secrets, headers: Readonly<Record<string, string>> = {}) => ({
      headers: { authorization: `Bearer ${secrets[name]}`, 'x-request-id': 'same', ...headers },
    })
    const list = async (name: keyof typeof secrets) =>
      (JSON.parse((await readAll(read(stage.server, { path: '/streams', ...by(name) }))).text) as { streams: object[] }).streams

    test('a key finds only its own, on every route and verb, and another’s is the same bytes as none', async () => {
      const model = stage.upstream.script(thenSilent(1))
      const [alices, bobs] = [
        askToResume(stage, model, by('alice', { 'x-request-id': 'a' })),
        askToResume(stage, model, by('bob')),
      ]
      for (const reader of [alices, bobs]) await reader.until(isFirst)
      const run = toRunPath(await alices.head)
      const id = run.slice('/streams/'.length)
      const bytesOf = async (path: string, method: string, headers: Readonly<Record<string, string>> = {}) => {
        const { status, headers: all, text } = await readAll(read(stage.server, { path, method, ...by('bob', headers) }))
        return { status, text, headers: { ...all, date: undefined } }
      }
      for (const method of ['GET', 'DELETE'])
        for (const headers of [{}, { 'last-event-id': `${id}.0` }, { 'last-event-id': 'x' }])
          for (const query of ['', '?after=0', '?after=x', '?after=99']) {
            const others = await bytesOf(run + query, method, headers)
            expect(others).toEqual(await bytesOf(`/streams/${'0'.repeat(id.length)}${query}`, method, headers))
            expect(others.status).toBe(404)
          }
      const repeat = { headers: { ...by('bob').headers, 'last-event-id': `${id}.0` } }
      const stolen = await readAll(askToResume(stage, model, repeat))
      expect(stolen.status).toBe(200)
      expect(toFrames(stolen.text)).toMatchObject([{ event: 'failed', id: 'none.0' }])
      expect(codeOf(stolen.text)).toBe('not_resumable')
      expect(stolen.text).not.toContain(' token')
      expect(await readAll(read(stage.server, { path: '/ollama/cancel/a', ...by('bob') }))).toMatchObject({ status: 404 })
      // Nothing of this has changed Alice's run.
      expect(alices.isEnded).toBe(false)
      expect(await list('alice')).toEqual([{ stream: run, request_id: 'a', state: 'attached' }])
      expect(await list('bob')).toEqual([{ stream: toRunPath(await bobs.head), request_id: 'same', state: 'attached' }])
      expect(await readAll(read(stage.server, { path: run }))).toMatchObject({ status: 401 })
      expect(await readAll(read(stage.server, { path: '/streams' }))).toMatchObject({ status: 401 })

      alices.leave()
      await expect.poll(() => list('alice')).toMatchObject([{ state: 'detached' }])
      expect(await readAll(read(stage.server, { path: run, method: 'DELETE', ...by('alice') }))).toMatchObject({ status: 204 })
      await expect.poll(() => list('alice')).toMatchObject([{ state: 'finished' }])
      // The run is still kept, and Bob still does not see it.
      expect((await bytesOf(run, 'GET')).status).toBe(404)
      expect((await bytesOf(run, 'DELETE')).status).toBe(404)
      bobs.leave()
      await readAll(read(stage.server, { path: toRunPath(await bobs.head), method: 'DELETE', ...by('bob') }))
      await expect.poll(() => stage.upstream.open).toBe(0)
    })
  })
}
