import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { json, silent, thenSilent, tokens, tokensThen } from '#fake-ollama/scripts.ts'
import { surfaces, toEnding } from '../../surfaces.ts'
import { generate, read, readAll, readFailure } from '../reader.ts'
import { finish, toRunPath } from '../resumable.ts'
import { countRequests, useStage, type ServerName } from '../server.ts'

const names = ['new', 'crowd', 'surfaces', 'ends', 'questions', 'runs', 'background', 'other']
const toKey = (name: string) => `${name}:${createHash('sha256').update(`secret-of-${name}`).digest('hex')}`
const bearer = (name: string) => ({ authorization: `Bearer secret-of-${name}` })

const budget = 1000
const maxAnswer = 100
/** What is reserved for the requests of these tests: the longest answer, and a quarter of the body. */
const toReserved = (body: object) => maxAnswer + Math.ceil(Buffer.byteLength(JSON.stringify(body)) / 4)

/** Budgets of tokens (docs/protocol.md#7-who-may-ask). */
export function describeBudgets(name: ServerName) {
  describe('a budget of tokens', () => {
    const stage = useStage(name, {
      SLUICE_API_KEYS: names.map(toKey).join(),
      SLUICE_TOKENS_PER_DAY: String(budget),
      SLUICE_MAX_NUM_PREDICT: String(maxAnswer),
      SLUICE_HEARTBEAT_MS: '200',
    })
    const ask = (key: string, model: string, headers = {}) =>
      generate(stage.server, 'ndjson', { model, prompt: 'Hi' }, { headers: { ...bearer(key), ...headers } })

    /** Returns what is left of a budget. The request for that uses nothing. */
    async function leftOf(key: string): Promise<number> {
      const model = stage.upstream.script(json({ error: 'broken' }, 500))
      const { headers, status } = await readAll(ask(key, model))
      expect(status).toBe(502)
      return Number(headers['x-ratelimit-remaining-tokens']) + toReserved({ model, prompt: 'Hi' })
    }
    const untilLeft = (key: string, left: number) => expect.poll(() => leftOf(key), { interval: 50, timeout: 5000 }).toBe(left)

    test('is reported while a request holds its part, and holds only what was used afterwards', async () => {
      const model = stage.upstream.script(tokens({ count: 3 }))
      const { headers, text } = await readAll(ask('new', model))
      expect(headers).toMatchObject({
        'x-ratelimit-limit-tokens': '1000',
        'x-ratelimit-remaining-tokens': String(budget - toReserved({ model, prompt: 'Hi' })),
      })
      const { prompt_eval_count } = JSON.parse(text.trim().split('\n').at(-1)!) as { prompt_eval_count: number }
      await untilLeft('new', budget - 3 - prompt_eval_count)
      expect(await leftOf('other')).toBe(budget)
    })

    test('is passed by less than one reservation if 100 ask at once, and the others are refused before Ollama', async () => {
      const model = stage.upstream.script(tokensThen(['a'], finish))
      const reserved = toReserved({ model, prompt: 'Hi' })
      const allowed = Math.ceil(budget / reserved)
      const readers = Array.from({ length: 100 }, () => ask('crowd', model))
      const heads = await Promise.all(readers.map(({ head }) => head))
      const refused = readers.filter((_, i) => heads[i]!.status === 429)
      expect(heads.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual(
        Array.from(heads, (_, i) => (i < allowed ? 200 : 429)),
      )
      expect(stage.upstream.requestsFor(model)).toHaveLength(allowed)
      const { code, error, headers } = await readFailure(refused[0]!)
      expect({ code, error }).toEqual({
        code: 'rate_limited',
        error: expect.stringMatching(/^More than 1000 tokens a day; try/),
      })
      expect(headers).toMatchObject({ 'x-ratelimit-limit-tokens': '1000', 'x-ratelimit-remaining-tokens': '0' })
      // The budget of a day comes back in a day.
      const seconds = (86_400 * (1 + allowed * reserved - budget)) / budget
      expect(Math.abs(Number(headers['retry-after']) - seconds)).toBeLessThan(30)

      for (const { exchange } of stage.upstream.requestsFor(model)) exchange.pass()
      const answers = await Promise.all(readers.filter((_, i) => heads[i]!.status === 200).map(readAll))
      const used = answers.map(({ text }) => {
        const done = JSON.parse(text.trim().split('\n').at(-1)!) as { prompt_eval_count: number; eval_count: number }
        return done.prompt_eval_count + done.eval_count
      })
      await untilLeft('crowd', budget - used.reduce((sum, count) => sum + count, 0))
    })

    test('that is used up is an error in the envelope of each dialect; lists cost nothing', async () => {
      const model = stage.upstream.script(tokens({ count: budget + 1 }))
      await readAll(ask('surfaces', model))
      const headers = bearer('surfaces')
      await expect.poll(async () => (await ask('surfaces', model).head).status).toBe(429)
      const asked = await countRequests(stage, async () => {
        for (const surface of surfaces) {
          if (surface.endpoint === undefined && !/embed/.test(surface.path)) continue
          const answer = await readAll(read(stage.server, { path: surface.path, body: { model, ...surface.body }, headers }))
          expect(answer, surface.path).toMatchObject({
            status: 429,
            headers: { 'retry-after': expect.stringMatching(/^\d+$/) },
          })
          const { status, text } = answer
          expect(toEnding(surface, { status, contentType: answer.headers['content-type'], text })).toBe('refused')
        }
      })
      expect(asked).toBe(0)
      expect((await readAll(read(stage.server, { path: '/api/tags', headers }))).status).toBe(200)
    })

    test('pays for an aborted answer the pieces that came and the estimate of its request', async () => {
      const before = await leftOf('ends')
      const left = stage.upstream.script(thenSilent(2))
      const leaving = ask('ends', left, { accept: 'text/event-stream' })
      await leaving.until((text) => text.split(' token').length === 3)
      leaving.leave()
      const cost = toReserved({ model: left, prompt: 'Hi' }) - maxAnswer
      await untilLeft('ends', before - cost - 2)
      // Nobody knows how far Ollama has read the request.
      const unheard = stage.upstream.script(silent())
      const waiting = ask('ends', unheard, { 'x-request-id': 'unheard', accept: 'text/event-stream' })
      await stage.upstream.next(unheard)
      await readAll(read(stage.server, { path: '/ollama/cancel/unheard', headers: bearer('ends') }))
      await waiting.ended
      await untilLeft('ends', before - 2 * cost - 2)
    })

    test('pays nothing for what Ollama has not answered', async () => {
      const before = await leftOf('ends')
      const broken = stage.upstream.script((exchange) => exchange.reset())
      expect(await readFailure(ask('ends', broken))).toMatchObject({ code: 'upstream_unreachable' })
      const { status } = await readAll(
        read(stage.server, { path: '/api/generate', body: { model: 1 }, headers: bearer('ends') }),
      )
      expect(status).toBe(400)
      await untilLeft('ends', before)
    })

    test('pays for an embedding what Ollama has counted', async () => {
      const before = await leftOf('questions')
      const body = { model: 'smollm2:135m', input: 'Hi' }
      const { text, headers } = await readAll(read(stage.server, { path: '/api/embed', body, headers: bearer('questions') }))
      expect(Number(headers['x-ratelimit-remaining-tokens'])).toBe(before - (toReserved(body) - maxAnswer))
      const { prompt_eval_count } = JSON.parse(text) as { prompt_eval_count: number }
      await untilLeft('questions', before - prompt_eval_count)
    })

    test('pays once for an answer that several read, and that goes on without a reader', async () => {
      const before = await leftOf('runs')
      const model = stage.upstream.script(tokensThen(['a'], finish))
      const headers = { ...bearer('runs'), prefer: 'resume=30' }
      const first = generate(stage.server, 'sse', { model, prompt: 'Hi' }, { headers })
      await first.until((text) => text.includes('"a"'))
      expect(Number((await first.head).headers['x-ratelimit-remaining-tokens'])).toBe(
        before - toReserved({ model, prompt: 'Hi' }),
      )
      first.leave()
      const path = toRunPath(await first.head)
      const second = read(stage.server, { path, headers: bearer('runs') })
      await second.until((text) => text.includes('"a"'))
      stage.upstream.requestsFor(model)[0]!.exchange.pass()
      await second.ended
      const { prompt_eval_count } = JSON.parse(/\{[^\n]*"done":true[^\n]*\}/.exec(second.text)![0]) as {
        prompt_eval_count: number
      }
      await readAll(read(stage.server, { path, headers: bearer('runs') }))
      await untilLeft('runs', before - 1 - prompt_eval_count)
    })

    test('that is used up leaves no place taken by a background response', async () => {
      const model = stage.upstream.script(tokens({ count: budget + 1 }))
      await readAll(ask('background', model))
      await expect.poll(async () => (await ask('background', model).head).status).toBe(429)
      const body = { model, input: 'Hi', background: true }
      // More than may go on without a reader.
      for (let i = 0; i < 6; i++) {
        const { status, text } = await readAll(
          read(stage.server, { path: '/v1/responses', body, headers: bearer('background') }),
        )
        expect(status).toBe(429)
        expect(JSON.parse(text)).toMatchObject({ error: { message: expect.stringContaining('tokens a day') } })
      }
    })
  })

  describe('no budget of tokens', () => {
    const stage = useStage(name)

    test('is no header', async () => {
      const model = stage.upstream.script(tokens({ count: 3 }))
      const { headers } = await readAll(generate(stage.server, 'ndjson', model))
      expect(Object.keys(headers).filter((name) => name.startsWith('x-ratelimit'))).toEqual([])
    })
  })

  describe('two budgets of tokens', () => {
    const stage = useStage(name, { SLUICE_TOKENS_PER_MINUTE: '500', SLUICE_TOKENS_PER_DAY: '600' })

    test('both hold: the headers are those of the one with less left, and a refusal is by the one with the longer wait', async () => {
      const model = stage.upstream.script(tokens({ count: 10 }))
      const ask = () => readAll(generate(stage.server, 'ndjson', { model, prompt: 'Hi', options: { num_predict: 1 } }))
      expect((await ask()).headers['x-ratelimit-limit-tokens']).toBe('500')
      await readAll(generate(stage.server, 'ndjson', stage.upstream.script(tokens({ count: 700 }))))
      await expect.poll(async () => (await ask()).status).toBe(429)
      const { headers, text } = await ask()
      expect(headers).toMatchObject({ 'x-ratelimit-limit-tokens': '600', 'x-ratelimit-remaining-tokens': '0' })
      expect(text).toContain('600 tokens a day')
    })
  })
}
