import { describe, expect, test } from 'vitest'
import { json, tokens } from '#fake-ollama/scripts.ts'
import { generate, read, readAll, type Answer, type Reader } from '../reader.ts'
import { useStage, type RuntimeName, type Stage } from '../server.ts'

/** workerd notices a disconnected reader only when a heartbeat fails. */
const env = { SLUICE_GRACE_MS: '50', SLUICE_HEARTBEAT_MS: '100' }

/**
 * A kind of request that makes Sluice ask Ollama a separate question, for example for the loaded
 * models. Simultaneous requests of a kind share the answer to that question.
 */
interface Kind {
  readonly title: string
  /** The route at which Sluice asks Ollama the question. */
  readonly route: string
  /**
   * A second route. The test makes Ollama answer it with an empty list of models, because Sluice
   * asks the question only after such an answer.
   */
  readonly empty?: string
  /** Sends a request to Sluice. If the request starts a generation, `model` is its model. */
  ask(stage: Stage, model: string): Reader
  /** Whether the text has the status that Sluice sends before Ollama answers the generation. */
  isTold?(text: string): boolean
  isAnswered(answer: Answer): boolean
}

const isDone = ({ text }: Answer) => text.includes('"done":true')
const askDefault = ({ server }: Stage) => generate(server, 'sse', { prompt: 'Hi' })

const kinds: readonly Kind[] = [
  {
    title: '/readyz',
    route: 'GET /api/version',
    ask: ({ server }) => read(server, { path: '/readyz' }),
    isAnswered: ({ text }) => text === '{"status":"ready","upstream":{"version":"0.24.0"}}',
  },
  { title: 'the default model, when one is loaded', route: 'GET /api/ps', ask: askDefault, isAnswered: isDone },
  {
    title: 'the default model, when none is loaded',
    route: 'GET /api/tags',
    empty: 'GET /api/ps',
    ask: askDefault,
    isAnswered: isDone,
  },
  {
    title: 'the list of loaded models',
    route: 'GET /api/ps',
    ask: ({ server }, model) => generate(server, 'sse', model, { headers: { prefer: 'status' } }),
    isTold: (text) => text.includes('{"status":"loading"'),
    isAnswered: isDone,
  },
]

/** Delays all answers of a route until `release` is called, and counts the requests. */
function holdBack({ upstream }: Stage, route: string) {
  const held = Promise.withResolvers<void>()
  const count = { asked: 0, open: 0, peak: 0 }
  const restore = upstream.on(route, async (exchange) => {
    count.asked++
    count.open++
    count.peak = Math.max(count.peak, count.open)
    void exchange.ended.then(() => count.open--)
    await held.promise
    await json({ version: '0.24.0', models: [{ name: 'gemma3:270m' }] })(exchange)
  })
  return { count, release: () => held.resolve(), restore }
}

/**
 * When many callers need the same answer of Ollama, Sluice asks only a few times and shares the
 * answers among them (docs/protocol.md#1-routes).
 */
export function describeSharedQuestions(runtime: RuntimeName) {
  const max = runtime === 'worker' ? 8 : 2

  describe.each(kinds)('$title', ({ route, ask, isAnswered, empty, isTold }) => {
    const stage = useStage(runtime, env)

    test('20 readers at once share the few requests that Sluice may send to Ollama', async () => {
      if (empty) stage.upstream.on(empty, json({ models: [] }))
      const { count, release } = holdBack(stage, route)
      const answering = Promise.withResolvers<void>()
      const model = stage.upstream.script(async (exchange) => {
        await answering.promise
        await tokens({ count: 1 })(exchange)
      })
      const readers = Array.from({ length: 20 }, () => ask(stage, model))
      await expect.poll(() => count.asked).toBe(max)
      // When Sluice has answered this request, it has received all earlier requests.
      await readAll(read(stage.server, { path: '/ping' }))
      release()
      if (isTold) await Promise.all(readers.map((reader) => reader.until(isTold)))
      answering.resolve()
      for (const answer of await Promise.all(readers.map(readAll))) expect(answer).toSatisfy(isAnswered)
      expect(count.asked).toBe(max)
    })
  })

  describe('an Ollama that hangs', () => {
    const stage = useStage(runtime, env)

    test('60 requests of /readyz use only the allowed connections, and all get their 503 in time', async () => {
      const { count, restore } = holdBack(stage, 'GET /api/version')
      const startedAt = performance.now()
      const answers = await Promise.all(Array.from({ length: 60 }, () => readAll(read(stage.server, { path: '/readyz' }))))
      expect(performance.now() - startedAt).toBeLessThan(4000)
      for (const { status, text } of answers)
        expect([status, JSON.parse(text)]).toEqual([503, { status: 'not_ready', code: 'first_token_timeout' }])
      expect(count.peak).toBe(max)
      await expect.poll(() => count.open).toBe(0)
      restore()
      await expect.poll(async () => (await readAll(read(stage.server, { path: '/readyz' }))).status).toBe(200)
    })

    test('Prefer: status does not delay an answer when GET /api/ps hangs', async () => {
      const { count, restore } = holdBack(stage, 'GET /api/ps')
      const model = stage.upstream.script(tokens({ count: 1 }))
      const prefer = { headers: { prefer: 'status' } }
      const readers = Array.from({ length: 20 }, () => generate(stage.server, 'sse', model, prefer))
      for (const { text } of await Promise.all(readers.map(readAll))) {
        expect(text).toContain('"done":true')
        expect(text).not.toContain('event: status')
      }
      expect(count.peak).toBeLessThanOrEqual(max)
      await expect.poll(() => stage.upstream.open).toBe(0)
      restore()
    })

    test('when the asking readers disconnect, waiting readers ask Ollama, and when all disconnect, nobody does', async () => {
      const { count, restore } = holdBack(stage, 'GET /api/ps')
      const askTimes = (times: number) => Array.from({ length: times }, () => askDefault(stage))
      const first = askTimes(max)
      await expect.poll(() => count.asked).toBe(max)
      const others = askTimes(12)
      // When Sluice has answered this request, it has received all earlier requests.
      await readAll(read(stage.server, { path: '/ping' }))
      expect(count.asked).toBe(max)
      for (const reader of first) reader.leave()
      await expect.poll(() => count.asked, { timeout: 5000 }).toBe(2 * max)
      for (const reader of others) reader.leave()
      await expect.poll(() => stage.upstream.open, { timeout: 5000 }).toBe(0)
      expect(count.peak).toBe(max)
      restore()
      expect(await readAll(askDefault(stage))).toSatisfy(isDone)
    })
  })
}
