import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { flatOut, json, lines, thenSilent, tokens, tokensThen } from '#fake-ollama/scripts.ts'
import { surfaces } from '../../surfaces.ts'
import { generate, read, readAll, readFailure } from '../reader.ts'
import { finish, toRunPath } from '../resumable.ts'
import { useStage, type RuntimeName } from '../server.ts'

interface Line {
  readonly key?: string
  readonly route: string
  readonly model?: string
  readonly tokens_in?: number
  readonly tokens?: number
  readonly estimated?: true
  readonly ended?: string
  readonly resumed?: true
}

const toKey = (name: string) => `${name}:${createHash('sha256').update(`secret-of-${name}`).digest('hex')}`
const bearer = (name: string) => ({ authorization: `Bearer secret-of-${name}` })
const headers = bearer('alice')

/** What the log says that a key has used: in all, and of each model. */
function toSums(lines: readonly Line[], key: string) {
  const sum = (used: readonly Line[]) => ({
    requests: used.length,
    tokens_in: used.reduce((sum, { tokens_in = 0 }) => sum + tokens_in, 0),
    tokens_out: used.reduce((sum, { tokens = 0 }) => sum + tokens, 0),
    estimated: used.reduce((sum, { tokens = 0, estimated }) => sum + (estimated ? tokens : 0), 0),
  })
  const used = lines.filter((line) => line.key === key && (line.tokens_in ?? 0) + (line.tokens ?? 0) > 0)
  const byModel = Map.groupBy(used, ({ model = 'other' }) => model)
  return { ...sum(used), models: Object.fromEntries(Array.from(byModel, ([name, lines]) => [name, sum(lines)])) }
}

/** The tokens that each key has used (docs/protocol.md#7-who-may-ask). */
export function describeUsage(runtime: RuntimeName) {
  describe('usage', () => {
    const stage = useStage(runtime, {
      SLUICE_API_KEYS: [toKey('alice'), toKey('bob')].join(),
      SLUICE_LOG: 'json',
      SLUICE_MANAGEMENT: '1',
      SLUICE_IDLE_TIMEOUT_MS: '500',
      SLUICE_STALL_TIMEOUT_MS: '500',
    })
    const usageOf = async (name: string) => {
      const { status, text } = await readAll(read(stage.server, { path: '/usage', headers: bearer(name) }))
      expect(status).toBe(200)
      return JSON.parse(text) as object
    }
    const toLines = () =>
      stage.server
        .output()
        .split('\n')
        .filter((line) => line.startsWith('{"time"'))
        .map((line) => JSON.parse(line) as Line)
    /** Waits for the line of a request. Returns what it says of tokens. */
    const lineOf = async (model: string) => {
      await expect.poll(() => toLines().filter((line) => line.model === model && !line.resumed)).toHaveLength(1)
      const { tokens, tokens_in, estimated, ended } = toLines().find((line) => line.model === model && !line.resumed)!
      return { ended, tokens, tokens_in, estimated }
    }
    const isFirst = (text: string) => text.includes(' token')

    const routes = surfaces.filter(({ endpoint }) => endpoint !== undefined)
    test.each(routes)('$path: a finished answer counts once, with the tokens that Ollama counted', async (surface) => {
      for (const streams of [surface.streams ?? {}, {}]) {
        const model = stage.upstream.script(tokens({ count: 3 }))
        await readAll(read(stage.server, { path: surface.path, body: { ...surface.body, ...streams, model }, headers }))
        const line = await lineOf(model)
        expect(line).toMatchObject({ ended: 'done', tokens: 3, tokens_in: expect.any(Number) })
        expect(line.estimated).toBeUndefined()
      }
    })

    test('an answer whose reader leaves counts the pieces that came, as an estimate', async () => {
      const model = stage.upstream.script(thenSilent(2))
      const reader = generate(stage.server, 'sse', model, { headers })
      await reader.until((text) => text.split(' token').length === 3)
      reader.leave()
      expect(await lineOf(model)).toMatchObject({ tokens: 2, tokens_in: undefined, estimated: true })
    })

    test('so does one that is cancelled, one that falls silent, and one that breaks off', async () => {
      const cancelled = stage.upstream.script(thenSilent(1))
      const reader = generate(stage.server, 'sse', cancelled, { headers: { ...headers, 'x-request-id': 'mine' } })
      await reader.until(isFirst)
      expect(await readAll(read(stage.server, { path: '/ollama/cancel/mine', headers }))).toMatchObject({ status: 204 })
      const silent = stage.upstream.script(thenSilent(3))
      await readAll(generate(stage.server, 'folded', silent, { headers }))
      const broken = stage.upstream.script(tokensThen(['a', 'b'], (exchange) => exchange.reset()))
      const breaking = generate(stage.server, 'sse', broken, { headers })
      await breaking.until((text) => text.includes('"b"'))
      stage.upstream.requestsFor(broken)[0]!.exchange.pass()
      await breaking.ended
      for (const [model, count] of [
        [cancelled, 1],
        [silent, 3],
        [broken, 2],
      ] as const)
        expect(await lineOf(model)).toMatchObject({ ended: 'failed', tokens: count, estimated: true })
    })

    test('an answer that was never begun uses nothing: an error of Ollama, an unknown model', async () => {
      const model = stage.upstream.script(json({ error: 'broken' }, 500))
      expect(await readFailure(generate(stage.server, 'sse', model, { headers }))).toMatchObject({ code: 'upstream_failed' })
      expect(await lineOf(model)).toMatchObject({ ended: 'failed', tokens: 0 })
      expect(await usageOf('alice')).not.toHaveProperty(['models', model])
    })

    test('a run counts once, whoever reads it, and also without a reader', async () => {
      const model = stage.upstream.script(tokensThen(['a'], finish))
      const first = generate(stage.server, 'sse', model, { headers: { ...headers, prefer: 'resume=30' } })
      await first.until((text) => text.includes('"a"'))
      const path = toRunPath(await first.head)
      first.leave()
      const second = read(stage.server, { path, headers })
      await second.until((text) => text.includes('"a"'))
      stage.upstream.requestsFor(model)[0]!.exchange.pass()
      await second.ended
      expect((await readAll(read(stage.server, { path, headers }))).text).toContain('"done":true')
      const background = stage.upstream.script(tokens({ count: 5 }))
      await readAll(
        read(stage.server, { path: '/v1/responses', body: { model: background, input: 'Hi', background: true }, headers }),
      )
      expect(await lineOf(model)).toMatchObject({ ended: 'done', tokens: 1 })
      expect(await lineOf(background)).toMatchObject({ ended: 'done', tokens: 5 })
    })

    test('an embedding counts the tokens of its texts; a pull makes none', async () => {
      for (const path of ['/api/embed', '/v1/embeddings', '/ollama/api/embed']) {
        const before = toLines().length
        await readAll(read(stage.server, { path, body: { model: 'smollm2:135m', input: 'Hi' }, headers }))
        await expect
          .poll(
            () =>
              toLines()
                .slice(before)
                .find(({ route }) => route === path)?.tokens_in,
          )
          .toBeGreaterThan(0)
      }
      const model = 'pulled'
      stage.upstream.on('POST /api/pull', lines(['{"status":"pulling manifest"}', '{"status":"success"}']))
      await readAll(generate(stage.server, 'ndjson', { model }, { path: '/api/pull', headers }))
      expect(await lineOf(model)).toMatchObject({ ended: 'done', tokens: 0 })
    })

    test('System One counts the tokens of both ways', async () => {
      const model = 'system-one'
      const restore = stage.upstream.on(
        'POST /v1/systemone',
        json({ model, answers: {}, usage: { input_tokens: 70, output_tokens: 6 } }),
      )
      const body = { model, state: 'Hi', questions: {} }
      await readAll(read(stage.server, { path: '/v1/systemone', body, headers }))
      restore()
      expect(await lineOf(model)).toMatchObject({ tokens: 6, tokens_in: 70, estimated: undefined })
    })

    test.each(['null', '-5', '0.5', '1e400'])('a count of %s is none, so the pieces count', async (count) => {
      const piece = '{"response":" token","done":false}'
      const model = stage.upstream.script(
        lines([piece, piece, `{"done":true,"prompt_eval_count":${count},"eval_count":${count}}`]),
      )
      await readAll(generate(stage.server, 'ndjson', model, { headers }))
      expect(await lineOf(model)).toMatchObject({ ended: 'done', tokens: 2, tokens_in: undefined, estimated: true })
    })

    test('an answer whose reader stalls counts once, the pieces that came', async () => {
      const model = stage.upstream.script(flatOut())
      const reader = generate(stage.server, 'sse', model, { headers })
      reader.pause()
      await (
        await stage.upstream.next(model)
      ).exchange.closedByReader
      const { ended, tokens, estimated } = await lineOf(model)
      expect({ ended, estimated }).toEqual({ ended: 'stalled', estimated: true })
      expect(tokens).toBeGreaterThan(0)
      reader.leave()
    })

    test('GET /usage is the sum of the lines of the asking key', async () => {
      const model = stage.upstream.script(tokens({ count: 2 }))
      await readAll(generate(stage.server, 'sse', model, { headers: bearer('bob') }))
      await lineOf(model)
      const logged = toLines()
      const alice = toSums(logged, 'alice')
      expect(alice.requests).toBeGreaterThan(15)
      expect(alice.estimated).toBeGreaterThan(0)
      expect(await usageOf('alice')).toEqual({ key: 'alice', since: expect.stringMatching(/^\d{4}-.*Z$/), ...alice })
      expect(await usageOf('bob')).toMatchObject({ key: 'bob', requests: 1, tokens_out: 2, estimated: 0 })
      expect(await usageOf('bob')).not.toHaveProperty('keys')
      expect(logged.filter(({ resumed, tokens }) => resumed && tokens !== undefined)).toEqual([])
    })

    test('GET /usage asks Ollama nothing, and only GET is allowed', async () => {
      const before = stage.upstream.requests.length
      await usageOf('alice')
      expect(await readAll(read(stage.server, { path: '/usage', method: 'POST', body: {}, headers }))).toMatchObject({
        status: 405,
        headers: { allow: 'GET' },
      })
      expect((await readAll(read(stage.server, { path: '/usage' }))).status).toBe(401)
      expect(stage.upstream.requests).toHaveLength(before)
    })
  })

  describe('usage without keys', () => {
    const stage = useStage(runtime)

    test('is nobody’s: 404', async () => {
      expect(await readFailure(read(stage.server, { path: '/usage' }))).toMatchObject({ status: 404, code: 'not_found' })
    })
  })

  // A Worker knows no peer that is this machine.
  describe.skipIf(runtime === 'worker')('usage without keys, with SLUICE_OPERATOR=1', () => {
    const stage = useStage(runtime, { SLUICE_OPERATOR: '1' })

    test('is what all have used together, for a program on this machine', async () => {
      const model = stage.upstream.script(tokens({ count: 2 }))
      await readAll(generate(stage.server, 'sse', model))
      const ask = async (headers = {}) => readAll(read(stage.server, { path: '/usage', headers }))
      await expect.poll(async () => JSON.parse((await ask()).text)).toMatchObject({ requests: 1 })
      const { keys, ...usage } = JSON.parse((await ask()).text) as { keys: object[] }
      expect(keys).toEqual([usage])
      expect(usage).toMatchObject({ key: '', tokens_out: 2, models: { [model]: { tokens_out: 2 } } })
      expect(await ask({ 'x-forwarded-for': '192.0.2.1' })).toMatchObject({ status: 404 })
    })
  })
}
