import { describe, expect, test } from 'vitest'
import { silent, thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { generate, read, readAll, readFailure, toTold, type Reader } from '../reader.ts'
import { countRequests, useStage, type ServerName } from '../server.ts'

const isFirst = (text: string) => text.includes(' token')

/**
 * The limits of each client, and the limits of all clients together
 * (docs/protocol.md#8-configuration).
 */
export function describeLimits(name: ServerName) {
  describe('requests a minute', () => {
    const stage = useStage(name, { SLUICE_RATE_PER_MINUTE: '5' })

    test('are counted, reported in the standard headers, and refused beyond the limit; open routes are not counted', async () => {
      const ask = () => readAll(read(stage.server, { path: '/v1/models' }))
      const remaining: unknown[] = []
      for (let i = 0; i < 5; i++) {
        const { status, headers } = await ask()
        expect(status).toBe(200)
        expect(headers['ratelimit-policy']).toBe('"minute";q=5;w=60')
        remaining.push(/r=(\d+)/.exec(String(headers.ratelimit))?.[1])
      }
      expect(remaining).toEqual(['4', '3', '2', '1', '0'])
      const asked = await countRequests(stage, async () => {
        const refused = await ask()
        expect(refused.status).toBe(429)
        expect(JSON.parse(refused.text)).toMatchObject({
          error: { code: 'rate_limited', type: 'rate_limit_error', message: expect.stringContaining('5 requests a minute') },
        })
        const seconds = Number(refused.headers['retry-after'])
        expect(seconds).toBeGreaterThan(0)
        expect(seconds).toBeLessThanOrEqual(12)
        expect(refused.headers.ratelimit).toBe(`"minute";r=0;t=${seconds}`)
      })
      expect(asked).toBe(0)
      for (let i = 0; i < 20; i++) expect(await readAll(read(stage.server, { path: '/ping' }))).toMatchObject({ status: 200 })
    })
  })

  describe('answers at a time', () => {
    const stage = useStage(name, { SLUICE_MAX_STREAMS_PER_KEY: '2' })

    test('are refused beyond the limit, until one ends or its reader disconnects', async () => {
      const model = stage.upstream.script(thenSilent(1))
      const open = async () => {
        const reader = generate(stage.server, 'sse', model)
        await reader.until(isFirst)
        return reader
      }
      const [first, second] = [await open(), await open()]
      const failure = await readFailure(generate(stage.server, 'sse', model))
      expect(failure).toMatchObject({ status: 429, code: 'rate_limited', headers: { 'retry-after': '5' } })
      expect(failure.error).toContain('2 answers at a time')

      const { exchange } = stage.upstream.requestsFor(model)[0]!
      exchange.chunk('{"response":"","done":true}\n')
      exchange.end()
      await first.ended
      const third = await open()
      second.leave()
      // workerd notices a disconnected reader only when a heartbeat fails.
      await expect.poll(async () => (await generate(stage.server, 'sse', model).head).status, { interval: 100 }).toBe(200)
      third.leave()
    })
  })

  describe('a caller at its limit of answers', () => {
    const stage = useStage(name, { SLUICE_MAX_STREAMS_PER_KEY: '1', SLUICE_RATE_PER_MINUTE: '100' })

    test('can still cancel one: a cancel counts as a request, not as an answer', async () => {
      const model = stage.upstream.script(thenSilent(1))
      const reader = generate(stage.server, 'sse', model, { headers: { 'x-request-id': 'mine' } })
      await reader.until(isFirst)
      expect(await readFailure(generate(stage.server, 'sse', model))).toMatchObject({ status: 429 })
      const cancelled = await readAll(read(stage.server, { path: '/ollama/cancel/mine', method: 'POST' }))
      expect(cancelled).toMatchObject({ status: 204, headers: { 'ratelimit-policy': '"minute";q=100;w=60' } })
      await reader.ended
      expect(toTold('sse', reader.text).failed).toMatchObject({ code: 'cancelled' })
      await expect.poll(async () => (await generate(stage.server, 'sse', model).head).status).toBe(200)
    })
  })

  describe('places at Ollama', () => {
    const stage = useStage(name, { SLUICE_UPSTREAM_STREAMS: '1', SLUICE_QUEUE: '2', SLUICE_GRACE_MS: '50' })

    /** Ends the only running stream. */
    function finish(model: string, index: number) {
      const { exchange } = stage.upstream.requestsFor(model)[index]!
      exchange.chunk('{"response":"","done":true}\n')
      exchange.end()
    }

    test('are given in order, with heartbeats during the wait; a reader that disconnects causes no request; a full queue is too_many_streams', async () => {
      const model = stage.upstream.script(thenSilent(1))
      const first = generate(stage.server, 'sse', model)
      await first.until(isFirst)
      const second = generate(stage.server, 'sse', model)
      // The stream has sent its opening, so it now waits in the queue.
      await second.until((text) => text === ':\n')
      const third = generate(stage.server, 'sse', model)
      await third.until((text) => text === ':\n')

      const failure = await readFailure(generate(stage.server, 'ndjson', model))
      expect(failure).toMatchObject({ status: 503, code: 'too_many_streams', headers: { 'retry-after': '5' } })
      expect(failure.error).toContain('2 wait already')
      expect(stage.upstream.requestsFor(model)).toHaveLength(1)

      second.leave()
      // The second reader has disconnected, so its place in the queue becomes free. On workerd it
      // becomes free only when the next heartbeat fails.
      let fourth: Reader | undefined
      await expect
        .poll(
          async () => {
            fourth = generate(stage.server, 'sse', model)
            return (await fourth.head).status
          },
          { interval: 100 },
        )
        .toBe(200)
      finish(model, 0)
      expect(await first.ended).toBe('clean')
      await third.until(isFirst)
      finish(model, 1)
      await fourth!.until(isFirst)
      finish(model, 2)
      expect(await fourth!.ended).toBe('clean')
      expect(stage.upstream.requestsFor(model)).toHaveLength(3)
    })

    test('are free again after a failure, and after a reader that disconnected', async () => {
      const broken = stage.upstream.script((exchange) => exchange.reset())
      const slow = stage.upstream.script(silent())
      const good = stage.upstream.script(tokens({ count: 1 }))
      for (let i = 0; i < 3; i++) {
        expect(await readFailure(generate(stage.server, 'ndjson', broken))).toMatchObject({ code: 'upstream_unreachable' })
        const leaving = generate(stage.server, 'sse', slow)
        const { exchange } = await stage.upstream.next(slow)
        leaving.leave()
        await exchange.closedByReader
        const answer = await readAll(generate(stage.server, 'ndjson', good))
        expect(toTold('ndjson', answer.text).failed).toBeUndefined()
      }
    })
  })

  describe('a wait for a place at Ollama', () => {
    const stage = useStage(name, { SLUICE_UPSTREAM_STREAMS: '1', SLUICE_FIRST_TOKEN_TIMEOUT_MS: '400' })

    test('ends for an embedding too at the first-token limit, with the error of its dialect and no request to Ollama', async () => {
      const model = stage.upstream.script(thenSilent(1))
      const first = generate(stage.server, 'sse', model)
      await first.until(isFirst)
      const asked = await countRequests(stage, async () => {
        const answers = await Promise.all(
          ['/api/embed', '/api/embeddings', '/ollama/api/embed', '/v1/embeddings'].map((path) =>
            readAll(read(stage.server, { path, body: { model: 'smollm2:135m', input: 'Hi', prompt: 'Hi' } })),
          ),
        )
        const [error, code] = ['Ollama did not answer within 0.4 s', 'first_token_timeout']
        const native = { error, code, request_id: expect.any(String) }
        expect(answers.map(({ status, text }) => ({ status, ...(JSON.parse(text) as object) }))).toEqual([
          { status: 504, ...native },
          { status: 504, ...native },
          { status: 504, error },
          { status: 504, error: { message: error, type: 'server_error', code, param: null } },
        ])
      })
      expect(asked).toBe(0)
      const waiting = readAll(read(stage.server, { path: '/api/embed', body: { model: 'smollm2:135m', input: 'Hi' } }))
      const { exchange } = stage.upstream.requestsFor(model)[0]!
      exchange.chunk('{"response":"","done":true}\n')
      exchange.end()
      expect(await waiting).toMatchObject({ status: 200 })
    })

    test('ends at the first-token limit, and the place goes to the next request', async () => {
      const model = stage.upstream.script(thenSilent(1))
      const first = generate(stage.server, 'sse', model)
      await first.until(isFirst)
      const late = await readFailure(generate(stage.server, 'ndjson', model))
      expect(late).toMatchObject({ status: 504, code: 'first_token_timeout' })
      const next = generate(stage.server, 'sse', model)
      const { exchange } = await stage.upstream.next(model)
      exchange.chunk('{"response":"","done":true}\n')
      exchange.end()
      await next.until(isFirst)
      expect(stage.upstream.requestsFor(model)).toHaveLength(2)
      next.leave()
    })
  })

  describe('clamps and aliases', () => {
    const stage = useStage(name, {
      SLUICE_MAX_NUM_PREDICT: '100',
      SLUICE_MAX_NUM_CTX: '4096',
      SLUICE_MAX_KEEP_ALIVE: '10m',
      SLUICE_ALIASES:
        'gpt-4o=smollm2:135m,claude-sonnet=smollm2:135m,gpt-oss=gemma3:270m,o3=smollm2:1.7b,tiny=library/smollm2:135m',
      SLUICE_MODELS: 'smollm2:*,scripted*,fake*',
    })
    const last = () => stage.upstream.requests.at(-1)!.json

    test.each([
      ['/api/generate', { prompt: 'Hi' }, { options: { num_predict: 100 } }],
      ['/chat', { text: 'Hi', options: { num_predict: -1 } }, { options: { num_predict: 100 } }],
      ['/api/generate', { prompt: 'Hi', options: { num_predict: 0 } }, { options: { num_predict: 100 } }],
      [
        '/ollama/api/chat',
        { messages: [{ role: 'user', content: 'Hi' }], keep_alive: '999h', options: { num_ctx: 1e6, num_predict: 5 } },
        { keep_alive: 600, options: { num_ctx: 4096, num_predict: 5 } },
      ],
      [
        '/v1/chat/completions',
        { messages: [{ role: 'user', content: 'Hi' }], max_tokens: 100_000 },
        { options: { num_predict: 100 } },
      ],
      ['/v1/messages', { messages: [{ role: 'user', content: 'Hi' }], max_tokens: 50 }, { options: { num_predict: 50 } }],
    ])('%s %j asks Ollama for no more than the limits', async (path, body, expected) => {
      await readAll(read(stage.server, { path, body: { model: 'smollm2:135m', ...body } }))
      expect(last()).toMatchObject(expected)
    })

    test.each([
      ['/api/generate', { Model: 'gemma3:270m' }],
      ['/api/chat', { OPTIONS: { num_predict: -1 } }],
      ['/ollama/api/chat', { Keep_Alive: -1 }],
      ['/api/show', { MODEL: 'gemma3:270m' }],
      ['/api/embed', { input: 'Hi', mOdel: 'gemma3:270m' }],
      ['/ollama/api/embeddings', { 'OPTION\u017f': { num_ctx: 1e6 } }],
    ])('%s refuses a field name in another case, as Ollama ignores case: %j', async (path, more) => {
      const asked = await countRequests(stage, async () => {
        expect(await readAll(read(stage.server, { path, body: { model: 'smollm2:135m', ...more } }))).toMatchObject({
          status: 400,
        })
      })
      expect(asked).toBe(0)
    })

    test('an alias selects its model on every surface', async () => {
      const messages = [{ role: 'user', content: 'Hi' }]
      await readAll(read(stage.server, { path: '/v1/chat/completions', body: { model: 'gpt-4o', messages } }))
      expect(last()).toMatchObject({ model: 'smollm2:135m' })
      await readAll(read(stage.server, { path: '/v1/messages', body: { model: 'claude-sonnet', max_tokens: 5, messages } }))
      expect(last()).toMatchObject({ model: 'smollm2:135m' })
    })

    test('a model outside SLUICE_MODELS is model_not_found, cloud models too', async () => {
      for (const model of ['gemma3:270m', 'smollm2:135m-cloud', 'smollm2:cloud']) {
        const asked = await countRequests(stage, async () => {
          const failure = await readFailure(generate(stage.server, 'sse', model))
          expect(failure).toMatchObject({ status: 404, code: 'model_not_found', error: `model '${model}' not found` })
        })
        expect(asked).toBe(0)
      }
      const { text } = await readAll(read(stage.server, { path: '/v1/models' }))
      const ids = (JSON.parse(text) as { data: { id: string }[] }).data.map(({ id }) => id)
      expect(ids).toEqual(['smollm2:135m', 'gpt-4o', 'claude-sonnet'])
    })

    test('an alias is in OpenAI’s list with the data of its model, and not in Ollama’s list', async () => {
      const get = async (path: string) => {
        const { status, text } = await readAll(read(stage.server, { path }))
        return { status, ...(JSON.parse(text) as { data?: object[]; models?: { name: string }[] }) }
      }
      const { data } = await get('/v1/models')
      const [installed, ...others] = data!
      expect(installed).toMatchObject({ id: 'smollm2:135m', object: 'model', owned_by: 'library' })
      expect(others).toEqual(['gpt-4o', 'claude-sonnet'].map((id) => ({ ...installed, id })))
      expect(await get('/v1/models/gpt-4o')).toEqual({ status: 200, ...installed, id: 'gpt-4o' })
      // The first three names are aliases. SLUICE_MODELS forbids the models of `gpt-oss` and
      // `tiny`, and the model of `o3` is not installed. `gpt-4o:latest` is not an alias.
      for (const id of ['gpt-oss', 'tiny', 'o3', 'gpt-4o:latest'])
        expect(await get(`/v1/models/${id}`)).toMatchObject({ status: 404, error: { code: 'model_not_found' } })
      for (const path of ['/api/tags', '/ollama/api/tags'])
        expect((await get(path)).models!.map(({ name }) => name)).toEqual(['smollm2:135m'])
    })
  })
}
