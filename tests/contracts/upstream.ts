import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ServiceError } from '../../src/errors.ts'
import type { Batch, GenerationCall, GenerationEvent } from '../../src/generation.ts'
import type { Generation, Upstream } from '../../src/upstreams/upstream.ts'
import { watchListeners } from '../listeners.ts'
import type { Fault } from '#fake-ollama/fault.ts'
import { faults, refusedUrl } from '#fake-ollama/faults.ts'
import { loadRecording, toLines } from '#fake-ollama/recording.ts'
import { flatOut, ndjson, replay, silent, thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Script, type Upstream as Fixture } from '#fake-ollama/upstream.ts'

const { signal: live } = new AbortController()

/** Reads all events of a generation, in order. */
async function read({ flow }: Generation): Promise<GenerationEvent[]> {
  const events: GenerationEvent[] = []
  await flow((batch: Batch) => void events.push(...batch))
  return events
}

const toText = (events: readonly GenerationEvent[]) =>
  events.map((event) => (event.type === 'failed' ? '' : (event.chunk.response ?? event.chunk.message?.content ?? ''))).join('')

interface ContractOptions {
  /** The contract skips these faults, because the HTTP client is known to fail on them. */
  readonly isKnown?: (fault: Fault) => boolean
  /** How many connections requests one after another may use. A pool asks for lists beside them. */
  readonly connections?: number
  /** The name of the host in the list of loaded models, if there are several hosts. */
  readonly host?: string
}

/**
 * The rules that every `Upstream` must keep (src/upstreams/upstream.ts): the implementation that
 * calls Ollama, and each decorator around it.
 * @param create creates the upstream for the URL of a fake Ollama
 */
export function upstreamContract(
  name: string,
  create: (url: string) => Upstream,
  { isKnown = () => false, connections = 1, host }: ContractOptions = {},
) {
  let fixture: Fixture
  let upstream: Upstream

  beforeEach(async () => {
    fixture = await startUpstream()
    upstream = create(fixture.url)
  })
  afterEach(async () => {
    await expect.poll(() => fixture.open).toBe(0)
    await fixture.close()
  })

  const toCall = (script: Script, more: Partial<GenerationCall> = {}): GenerationCall & { model: string } => ({
    endpoint: 'generate',
    body: { prompt: 'hi' },
    ...more,
    model: fixture.script(script),
  })
  const generate = (script: Script, signal = live) => upstream.generate(toCall(script), { signal })
  const exchangeOf = async (call: { model: string }) => (await fixture.next(call.model)).exchange

  describe(`the contract of upstreams: ${name}`, () => {
    describe('a generation', () => {
      test.each(['generate-chinese', 'chat-tool-call', 'chat-thinking', 'generate-logprobs', 'generate-load'])(
        '%s: has every line as an event, the first one included',
        async (recording) => {
          const generation = await generate(replay(recording))
          const events = await read(generation)
          expect(events.map((event) => event.line)).toEqual(toLines(loadRecording(recording)))
          expect(events.map(({ type }) => type)).toEqual([...events.slice(1).map(() => 'delta'), 'done'])
          generation.close({ how: 'done' })
        },
      )

      test.each(['generate', 'chat'] as const)('sends the given request to %s, as a stream', async (endpoint) => {
        const body = { prompt: 'grüße', model: 'another', stream: false, options: { seed: 1 }, unknown: [1] }
        const call = toCall(tokens({ count: 1 }), { endpoint, body })
        const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', tracestate: 'a=b' }
        const generation = await upstream.generate(call, { signal: live, trace })
        await read(generation)
        generation.close({ how: 'done' })
        const { target, json, headers } = await fixture.next(call.model)
        expect(target).toBe(`/api/${endpoint}`)
        expect(json).toEqual({ ...body, model: call.model, stream: true })
        expect(headers).toMatchObject({ ...trace, 'accept-encoding': 'identity', 'content-type': 'application/json' })
        expect(headers).not.toHaveProperty('origin')
      })

      test('resolves with its first event, not with its head', async () => {
        const call = toCall((exchange) => exchange.head(200, ndjson))
        let isKnown = false
        const asked = upstream.generate(call, { signal: live }).finally(() => (isKnown = true))
        const exchange = await exchangeOf(call)
        for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate)
        expect(isKnown).toBe(false)
        exchange.chunk('{"response":"a","done":false}\n')
        const generation = await asked
        exchange.chunk('{"done":true}\n')
        exchange.end()
        expect(toText(await read(generation))).toBe('a')
        generation.close({ how: 'done' })
      })

      test('resolves right after its terminal, though the upstream continues to send', async () => {
        const call = toCall((exchange) => {
          exchange.head(200, ndjson)
          exchange.chunk('{"response":"a"}\n{"done":true}\n{"response":"late"}\n')
        })
        const generation = await upstream.generate(call, { signal: live })
        expect((await read(generation)).map(({ type }) => type)).toEqual(['delta', 'done'])
        generation.close({ how: 'done' })
      })

      test('is paused by a returned promise, down to the socket of the upstream', async () => {
        const call = toCall(flatOut({ linesPerChunk: 500 }))
        const controller = new AbortController()
        const generation = await upstream.generate(call, { signal: controller.signal })
        const exchange = await exchangeOf(call)
        const full = Promise.withResolvers<void>()
        let batches = 0
        const ended = generation.flow(() => {
          batches++
          return full.promise
        })
        await expect.poll(() => exchange.socket.writableNeedDrain).toBe(true)
        for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate)
        expect(batches).toBe(1)
        full.resolve()
        await expect.poll(() => batches).toBeGreaterThan(3)
        controller.abort()
        await expect(ended).rejects.toBe(controller.signal.reason)
        generation.close({ how: 'left' })
      })
    })

    describe('a failure', () => {
      // The tests of the gzip bomb and of the body that never ends take seconds. So only the
      // black-box suite runs them.
      const table = faults.filter((fault) => !/bomb|never ends/.test(fault.name) && !isKnown(fault))

      test.each(table)('$id $name', async ({ when, text, script, expect: expected }) => {
        const call = toCall(script)
        const asked = upstream.generate(call, { signal: live })
        void fixture.next(call.model).then(({ exchange }) => asked.then(() => exchange.pass()).catch(() => {}))
        const outcome = await asked.then(
          async (generation) => {
            const events: GenerationEvent[] = []
            const error = await generation.flow((batch) => void events.push(...batch)).catch((error: unknown) => error)
            const last = events.at(-1)
            generation.close(last?.type === 'done' ? { how: 'done' } : { how: 'left' })
            return { events, error: last?.type === 'failed' ? last.error : error, isDone: last?.type === 'done' }
          },
          (error: unknown) => ({ events: [], error, isDone: false }),
        )
        if ('same' in expected) {
          const codes = [undefined, expected.orCode]
          expect(codes).toContain((outcome.error as ServiceError | undefined)?.code)
          if (!outcome.error) expect(outcome.isDone).toBe(true)
          return
        }
        expect(outcome.isDone).toBe(false)
        expect(toText(outcome.events)).toBe(text)
        if (when === 'before-first-token') expect(outcome.events).toEqual([])
        // Ollama may end the body cleanly after some tokens, without a done line. `flow` then
        // reports no error. The core, which this test does not run, reports `upstream_truncated`.
        if (outcome.error === undefined) return expect(expected.code).toBe('upstream_truncated')
        const error = outcome.error as ServiceError
        expect(error).toBeInstanceOf(ServiceError)
        expect([expected.code, expected.orCode]).toContain(error.code)
        if (when === 'before-first-token' && error.code === expected.code) expect(error.status).toBe(expected.status)
        if (typeof expected.message === 'string') expect(error.message).toContain(expected.message)
        if (expected.message instanceof RegExp) expect(error.message).toMatch(expected.message)
        if (expected.retryAfter) {
          expect(error.retryAfterSeconds).toBeGreaterThanOrEqual(expected.retryAfter[0])
          expect(error.retryAfterSeconds).toBeLessThanOrEqual(expected.retryAfter[1])
        }
      })

      test('to reach it is upstream_unreachable', async () => {
        const nobody = create(await refusedUrl())
        const call = { endpoint: 'generate', model: 'm', body: {} } as const
        await expect(nobody.generate(call, { signal: live })).rejects.toMatchObject({ code: 'upstream_unreachable' })
        await expect(nobody.ask({ about: 'tags' }, { signal: live })).rejects.toMatchObject({ code: 'upstream_unreachable' })
      })
    })

    describe('an abort', () => {
      test.each([
        ['before the head', silent()],
        ['before the first event', (exchange) => exchange.head(200, ndjson)],
      ] satisfies [string, Script][])('%s rejects with its reason, and the upstream sees it', async (_, script) => {
        const controller = new AbortController()
        const call = toCall(script)
        const asked = upstream.generate(call, { signal: controller.signal })
        const exchange = await exchangeOf(call)
        const reason = new ServiceError('shutting_down', 'bye')
        controller.abort(reason)
        await expect(asked).rejects.toBe(reason)
        await exchange.closedByReader
      })

      test('in the middle rejects with its reason, and the upstream sees it', async () => {
        const controller = new AbortController()
        const call = toCall(thenSilent(3))
        const generation = await upstream.generate(call, { signal: controller.signal })
        const ended = read(generation)
        controller.abort('left')
        await expect(ended).rejects.toBe('left')
        await (
          await exchangeOf(call)
        ).closedByReader
        generation.close({ how: 'left' })
      })
    })

    describe('closing', () => {
      test.each([{ how: 'left' }, { how: 'stalled' }, { how: 'failed', error: new ServiceError('idle_timeout', '') }] as const)(
        'a generation that is not over ($how) stops the upstream at once',
        async (ended) => {
          const call = toCall(thenSilent(3))
          const held: unknown[] = []
          const generation = await upstream.generate(call, { signal: live, waitUntil: (promise) => void held.push(promise) })
          void generation.flow(() => {}).catch(() => {})
          generation.close(ended)
          await (
            await exchangeOf(call)
          ).closedByReader
          generation.close(ended)
          // Nothing reads from the closed connection, so `waitUntil` must not have been called.
          expect(held).toEqual([])
        },
      )

      test('a generation that nobody has read stops the upstream too', async () => {
        const call = toCall(thenSilent(3))
        const generation = await upstream.generate(call, { signal: live })
        generation.close({ how: 'left' })
        await (
          await exchangeOf(call)
        ).closedByReader
      })

      test('a finished generation keeps its connection for reuse (hazard 16), even if its signal aborts later', async () => {
        for (let i = 0; i < 4; i++) {
          const controller = new AbortController()
          const generation = await upstream.generate(toCall(tokens({ count: 3 })), { signal: controller.signal })
          await read(generation)
          generation.close({ how: 'done' })
          generation.close({ how: 'done' })
          controller.abort()
          await fixture.requests.at(-1)!.exchange.ended
          for (let turns = 0; turns < 5; turns++) await new Promise(setImmediate)
        }
        expect(new Set(fixture.requests.map(({ exchange }) => exchange.socket)).size).toBeLessThanOrEqual(connections)
      })

      test('a finished generation whose upstream does not end its body closes the connection after 50 ms', async () => {
        const call = toCall((exchange) => {
          exchange.head(200, ndjson)
          exchange.chunk('{"done":true}\n')
        })
        const held: Promise<unknown>[] = []
        const generation = await upstream.generate(call, { signal: live, waitUntil: (promise) => void held.push(promise) })
        await read(generation)
        const closedAt = performance.now()
        generation.close({ how: 'done' })
        const after = (await (await exchangeOf(call)).closedByReader) - closedAt
        expect(after).toBeGreaterThan(40)
        expect(after).toBeLessThan(1000)
        // Without `waitUntil`, workerd would stop reading the upstream after `done`
        // (docs/hazards.md#12).
        expect(held).toHaveLength(1)
        await Promise.all(held)
      })
    })

    test('a closed generation leaves no listener on the signal of its call (hazard 37)', async () => {
      const { signal } = new AbortController()
      const listeners = watchListeners(signal)
      const generation = await generate(tokens({ count: 3 }), signal)
      expect(listeners.size).toBeGreaterThan(0)
      await read(generation)
      generation.close({ how: 'done' })
      await expect(generate((exchange) => exchange.reset(), signal)).rejects.toThrow()
      await upstream.ask({ about: 'tags' }, { signal })
      await expect.poll(() => listeners.size).toBe(0)
    })

    describe('a question', () => {
      test.each(['tags', 'ps', 'version'] as const)('about %s has Ollama’s own answer', async (about) => {
        const [line = ''] = toLines(loadRecording(about))
        const { aliases = [], ...answer } = await upstream.ask({ about }, { signal: live })
        const { models, ...value } = JSON.parse(line) as { models?: object[] }
        if (about === 'ps' && host !== undefined)
          return expect(answer.value).toEqual({ models: models?.map((model) => ({ ...model, sluice_host: host })) })
        expect(answer).toEqual({ text: line, value: { ...value, ...(models && { models }) } })
        // No decorator in these tests has aliases.
        expect(aliases).toEqual([])
      })

      test.each(['show', 'embed', 'embeddings'] as const)('about %s is asked with its body', async (about) => {
        const model = fixture.script((exchange) => {
          exchange.head(200, { 'content-type': 'application/json' })
          exchange.chunk('{"own":')
          exchange.chunk('[1,{"a":null}]}')
          exchange.end()
        })
        const body = { model, input: ['grüße'], prompt: 'x', unknown: { a: 1 } }
        expect(await upstream.ask({ about, body }, { signal: live })).toEqual({
          text: '{"own":[1,{"a":null}]}',
          value: { own: [1, { a: null }] },
        })
        expect(await fixture.next(model)).toMatchObject({
          method: 'POST',
          target: `/api/${about}`,
          json: expect.objectContaining(body),
        })
      })

      test('can be aborted, and the upstream sees it', async () => {
        const controller = new AbortController()
        const model = fixture.script(silent())
        const asked = upstream.ask({ about: 'show', body: { model } }, { signal: controller.signal })
        const { exchange } = await fixture.next(model)
        const reason = new DOMException('left', 'AbortError')
        controller.abort(reason)
        await expect(asked).rejects.toBe(reason)
        await exchange.closedByReader
      })
    })
  })
}
