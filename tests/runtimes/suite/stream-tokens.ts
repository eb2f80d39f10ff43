import { createHash, createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { silent, thenSilent, tokens, tokensThen } from '#fake-ollama/scripts.ts'
import { generate, read, readAll, readFailure, toTold } from '../reader.ts'
import { finish, toFrames, toRunPath } from '../resumable.ts'
import { countRequests, useStage, type RuntimeName } from '../server.ts'
import { toEach } from './tables.ts'

const secret = 'a secret for tests, of 40 characters ...'
const toHash = (name: string) => createHash('sha256').update(`secret-of-${name}`).digest('hex')
const toKey = (name: string, models = '') => `${name}:${toHash(name)}${models}`
const bearer = (text: string) => ({ authorization: `Bearer ${text}` })
const keyOf = (name: string) => bearer(`secret-of-${name}`)
const origin = 'https://chat.example'
const soon = () => Math.ceil(Date.now() / 1000) + 60

/** Signs a token as Sluice does. */
function sign(
  token: { key?: string; [field: string]: unknown },
  by = secret,
  { prefix = 'slt_', keyHash = toHash(token.key ?? '') } = {},
): string {
  const signed = prefix + Buffer.from(JSON.stringify(token)).toString('base64url')
  return `${signed}.${createHmac('sha256', by).update(`${signed}.${keyHash}`).digest('base64url')}`
}

/** Short-lived tokens that stand for a key (docs/protocol.md#7-who-may-ask). */
export function describeStreamTokens(runtime: RuntimeName) {
  const each = toEach(runtime)
  describe('stream tokens', () => {
    const stage = useStage(runtime, {
      SLUICE_API_KEYS: [toKey('alice'), toKey('bob', ':smollm2:*|mine*')].join(),
      SLUICE_TOKEN_SECRET: secret,
      SLUICE_CORS_ORIGINS: `${origin},https://other.example`,
      SLUICE_MAX_NUM_PREDICT: '100',
      SLUICE_MANAGEMENT: '1',
      SLUICE_LOG: 'json',
      SLUICE_HEARTBEAT_MS: '200',
    })
    const make = async (body: object = {}, headers: Readonly<Record<string, string>> = keyOf('alice')) => {
      const { status, text } = await readAll(read(stage.server, { path: '/tokens', body, headers }))
      expect({ status, text }).toMatchObject({ status: 200 })
      return JSON.parse(text) as { token: string; expires_at: number }
    }
    const tokenFor = async (body: object = {}, name = 'alice') => bearer((await make(body, keyOf(name))).token)
    const ask = (headers: Readonly<Record<string, string>>, model = stage.upstream.script(tokens({ count: 2 }))) =>
      generate(stage.server, 'sse', model, { headers })
    const statusOf = async (path: string, headers: Readonly<Record<string, string>>, method = 'GET', body?: object) =>
      (await readAll(read(stage.server, { path, method, headers, ...(body && { body }) }))).status

    test('are made by a key, and live for a minute unless the key says otherwise', async () => {
      const { token, expires_at, ...rest } = await make()
      expect(token).toMatch(/^slt_[\w-]+\.[\w-]{43}$/)
      expect(Math.abs(expires_at - Date.now() / 1000 - 60)).toBeLessThan(10)
      expect(rest).toEqual({})
      expect(Math.abs((await make({ expires_in: 86_400 })).expires_at - Date.now() / 1000 - 86_400)).toBeLessThan(10)
    })

    each([
      ['a longer life', { expires_in: 86_401 }, 'expires_in'],
      ['no life', { expires_in: 0 }, 'expires_in'],
      ['a life in text', { expires_in: '60' }, 'expires_in'],
      ['a field that is written wrongly', { surface: ['openai'] }, 'surface'],
      ['an API that does not exist', { surfaces: ['openai', 'bedrock'] }, 'surfaces.1'],
      ['no APIs', { surfaces: [] }, 'surfaces'],
      ['no models', { models: [] }, 'models'],
      ['a model that is no glob', { models: ['a b'] }, 'models.0'],
      ['more models than a token can have', { models: Array.from({ length: 32 }, () => 'm'.repeat(256)) }, 'models'],
      ['no length', { num_predict: 0 }, 'num_predict'],
      ['a path as an origin', { origin: `${origin}/` }, 'origin'],
      ['an origin as no browser writes it', { origin: 'https://Chat.example:443' }, 'origin'],
      ['a path as a run', { run: '../x' }, 'run'],
      ['an operator', { admin: true }, 'admin'],
    ])('are not made with %s', async (_name, body, path) => {
      const answer = await readFailure(read(stage.server, { path: '/tokens', body, headers: keyOf('alice') }))
      expect(answer).toMatchObject({ status: 400, code: 'invalid_request', issues: [{ path }] })
    })

    test('are not made without a key, and only by a POST', async () => {
      expect(await readFailure(read(stage.server, { path: '/tokens', body: {} }))).toMatchObject({ status: 401 })
      expect(await statusOf('/tokens', keyOf('alice'))).toBe(405)
    })

    test('are accepted where a key is, and their caller is the key', async () => {
      const { token } = await make()
      const model = stage.upstream.script(tokens({ count: 2 }))
      for (const headers of [bearer(token), { 'x-api-key': token }, { 'api-key': token }]) {
        const { text } = await readAll(ask(headers, model))
        expect(toTold('sse', text).failed).toBeUndefined()
      }
      const isOwn = (line: string) => line.includes(`"model":"${model}"`) && line.includes('"key":"alice"')
      await expect.poll(() => stage.server.output().split('\n').filter(isOwn)).toHaveLength(3)
    })

    test('that are forged, foreign, expired, cut or of no key are all refused in the same words, before Ollama', async () => {
      const { token } = await make()
      const [payload = '', signature = ''] = token.slice(4).split('.')
      const good = { key: 'alice', expires_at: soon() }
      const withoutDot = token.replace('.', '')
      // The last of 43 characters has two bits that mean nothing.
      const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
      const sibling = token.slice(0, -1) + alphabet[alphabet.indexOf(token.at(-1)!) ^ 1]
      expect(await statusOf('/api/version', bearer(sign(good)))).toBe(200)
      const bad: readonly (readonly [name: string, text: string])[] = [
        [
          'forged: another key',
          `slt_${Buffer.from(JSON.stringify({ ...good, key: 'bob' })).toString('base64url')}.${signature}`,
        ],
        [
          'forged: a later end',
          `slt_${Buffer.from(JSON.stringify({ ...good, expires_at: 2e10 })).toString('base64url')}.${signature}`,
        ],
        ['forged: no signature', `slt_${payload}.`],
        ['forged: the signature of zeros', `slt_${payload}.${'A'.repeat(43)}`],
        ['forged: another text of the same bytes', sibling],
        ['forged: a signature that is too long', `${token}A`],
        ['forged: padding', `${token}=`],
        ['forged: two tokens', `${token}.${token.slice(4)}`],
        ['foreign: another secret', sign(good, `${secret}.`)],
        ['foreign: an empty secret', sign(good, '')],
        ['of another secret of the key', sign(good, secret, { keyHash: toHash('rotated') })],
        ['of no secret of a key', sign(good, secret, { keyHash: '' })],
        [
          'of a key that does not exist, signed for no secret',
          sign({ ...good, key: 'carol' }, secret, { keyHash: '0'.repeat(64) }),
        ],
        ...['null', '5', '"x"', '[]', '{}', '{"key":"__proto__"}', '{"key":{}}', '['.repeat(1500)].map(
          (json) => [`forged: ${json.slice(0, 20)}`, `slt_${Buffer.from(json).toString('base64url')}.${signature}`] as const,
        ),
        ['foreign: signed without the prefix', `slt_${sign(good, secret, { prefix: '' }).replace(/^/, '')}`],
        ['foreign: a JWT', `slt_${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`],
        ['expired a second ago', sign({ ...good, expires_at: Math.floor(Date.now() / 1000) - 1 })],
        ['expired long ago', sign({ ...good, expires_at: 0 })],
        ['without an end', sign({ key: 'alice' })],
        ['of a key that does not exist', sign({ ...good, key: 'carol' })],
        ['of no key', sign({ expires_at: soon() })],
        ['without a dot', withoutDot],
        ['nothing but the prefix', 'slt_'],
        ['the prefix and a dot', 'slt_.'],
        ...[5, 20, token.length - 44, token.length - 43, token.length - 1].map(
          (length) => [`cut to ${length}`, token.slice(0, length)] as const,
        ),
      ]
      const asked = await countRequests(stage, async () => {
        const answers = new Set<string>()
        for (const [name, text] of bad) {
          const { status, code, error, headers } = await readFailure(
            read(stage.server, { path: '/api/version', headers: bearer(text) }),
          )
          expect({ name, status, code }).toEqual({ name, status: 401, code: 'unauthorized' })
          expect(headers['www-authenticate']).toBe('Bearer realm="sluice"')
          answers.add(error)
        }
        expect([...answers]).toEqual(['This token is not valid here; it may have expired, so get a new one'])
      })
      expect(asked).toBe(0)
    })

    test('are not needed beside a good key; with a good token the rights are those of the token', async () => {
      const { token } = await make()
      const both = (text: string) => ({ ...bearer(text), 'x-api-key': 'secret-of-alice' })
      expect(await statusOf('/usage', both('slt_old.x'))).toBe(200)
      expect(await statusOf('/usage', both(token))).toBe(403)
    })

    each([
      ['POST', '/tokens'],
      ['GET', '/usage'],
      ['GET', '/streams'],
    ])('%s %s is for keys alone: 403', async (method, path) => {
      expect(await statusOf(path, await tokenFor(), method, method === 'POST' ? {} : undefined)).toBe(403)
    })

    each([
      ['GET', '/status/data'],
      ['POST', '/api/pull'],
      ['POST', '/ollama/api/create'],
      ['POST', '/api/copy'],
      ['DELETE', '/api/delete'],
      ['HEAD', `/api/blobs/sha256:${'a'.repeat(64)}`],
      ['POST', `/ollama/api/blobs/sha256:${'a'.repeat(64)}`],
    ])('%s %s does not exist for a token', async (method, path) => {
      const body = method === 'POST' || method === 'DELETE' ? { model: 'gemma3', source: 'a', destination: 'b' } : undefined
      const asked = await countRequests(stage, async () => {
        expect(await statusOf(path, await tokenFor(), method, body)).toBe(404)
      })
      expect(asked).toBe(0)
    })

    test('a path without a route is 404 for a token, too', async () => {
      expect(await statusOf('/nothing', await tokenFor())).toBe(404)
      expect(await statusOf('/api/chat', await tokenFor())).toBe(405)
    })

    test('for some APIs are for these alone, and the refusal has the envelope of the API', async () => {
      const headers = await tokenFor({ surfaces: ['openai', 'plain'] })
      const model = stage.upstream.script(tokens({ count: 1 }))
      const messages = [{ role: 'user', content: 'Hi' }]
      for (const path of ['/v1/chat/completions', '/ollama/v1/chat/completions'])
        expect(await statusOf(path, headers, 'POST', { model, messages })).toBe(200)
      expect(await statusOf('/v1/models', headers)).toBe(200)
      expect(await statusOf('/chat', headers, 'POST', { model, text: 'Hi' })).toBe(200)
      const { status, text } = await readAll(
        read(stage.server, { path: '/v1/messages', body: { model, max_tokens: 5, messages }, headers }),
      )
      expect(status).toBe(403)
      expect(JSON.parse(text)).toMatchObject({
        type: 'error',
        error: { type: 'permission_error', message: 'This token is not for this API; it is for openai, plain' },
      })
      expect(await statusOf('/api/tags', headers)).toBe(403)
      expect(await statusOf('/api/chat', headers, 'POST', { model, messages })).toBe(403)
    })

    test('for some models are for these alone, of those that the key may use', async () => {
      const mine = stage.upstream.script(tokens({ count: 1 }), 'mine:1b')
      const yours = stage.upstream.script(tokens({ count: 1 }), 'yours:1b')
      const toModels = async (headers: Readonly<Record<string, string>>) =>
        (JSON.parse((await readAll(read(stage.server, { path: '/api/tags', headers }))).text) as { models: { name: string }[] })
          .models
      const both = await tokenFor({ models: ['mine*', 'yours*'] })
      for (const model of [mine, yours]) expect((await readAll(ask(both, model))).status).toBe(200)
      expect(await readFailure(ask(both, 'gemma3:270m'))).toMatchObject({ status: 404, code: 'model_not_found' })
      expect(await toModels(both)).toEqual([])
      const bobs = await tokenFor({ models: ['*'] }, 'bob')
      expect((await readAll(ask(bobs, mine))).status).toBe(200)
      expect(await readFailure(ask(bobs, yours))).toMatchObject({ status: 404, code: 'model_not_found' })
      for (const { name } of await toModels(bobs)) expect(name).toMatch(/^smollm2:/)
      const narrow = await tokenFor({ models: ['yours*', 'smollm2:135m'] }, 'bob')
      for (const model of [mine, yours]) expect((await readAll(ask(narrow, model))).status).toBe(404)
      expect(
        await readFailure(
          read(stage.server, { path: '/api/embed', body: { model: 'gemma3:270m', input: 'Hi' }, headers: both }),
        ),
      ).toMatchObject({ code: 'model_not_found' })
    })

    test.each([
      [{ num_predict: 10 }, {}, 10],
      [{ num_predict: 10 }, { num_predict: 50 }, 10],
      [{ num_predict: 10 }, { num_predict: 5 }, 5],
      [{ num_predict: 500 }, {}, 100],
      [{}, { num_predict: -1 }, 100],
    ])('of %j limit an answer with %j to %d tokens', async (body, options, expected) => {
      const model = stage.upstream.script(tokens({ count: 1 }))
      const headers = await tokenFor(body)
      await readAll(generate(stage.server, 'sse', { model, prompt: 'Hi', options }, { headers }))
      expect(stage.upstream.requestsFor(model)[0]!.json).toMatchObject({ options: { num_predict: expected } })
    })

    test('for an origin are for the pages of this origin alone', async () => {
      const headers = await tokenFor({ origin })
      expect((await readAll(ask({ ...headers, origin }))).headers['access-control-allow-origin']).toBe(origin)
      const elsewhere = await readFailure(ask({ ...headers, origin: 'https://other.example' }))
      expect(elsewhere).toMatchObject({ status: 403, code: 'forbidden_origin' })
      expect(await readFailure(ask(headers))).toMatchObject({ status: 403, code: 'forbidden_origin' })
      // The page of Sluice itself: browsers leave the origin out of a GET.
      const own = await tokenFor({ origin: `http://127.0.0.1:${stage.server.port}` })
      expect(await statusOf('/api/version', { ...own, 'sec-fetch-site': 'same-origin' })).toBe(200)
      expect(await statusOf('/api/version', { ...headers, 'sec-fetch-site': 'same-origin' })).toBe(403)
      expect(await statusOf('/api/version', own)).toBe(403)
    })

    test('are checked at the start: a stream outlives its token', async () => {
      const model = stage.upstream.script(tokensThen(['a'], finish))
      const headers = await tokenFor({ expires_in: 1 })
      const reader = ask(headers, model)
      await reader.until((text) => text.includes('"a"'))
      await expect.poll(() => statusOf('/api/version', headers), { timeout: 5000 }).toBe(401)
      stage.upstream.requestsFor(model)[0]!.exchange.pass()
      await reader.ended
      expect(toTold('sse', reader.text).failed).toBeUndefined()
    })

    describe('and runs', () => {
      const prefer = { prefer: 'resume=30' }
      /** Starts a run with one token, that waits for more. */
      async function start(headers: Readonly<Record<string, string>>, script = tokensThen(['a'], finish)) {
        const model = stage.upstream.script(script)
        const reader = ask({ ...headers, ...prefer }, model)
        await reader.until((text) => text.includes('"a"') || text.includes(' token'))
        const path = toRunPath(await reader.head)
        return { model, reader, path, run: path.slice('/streams/'.length) }
      }

      test('a run belongs to the key: a token that knows its id reads it', async () => {
        const { model, reader, path } = await start(await tokenFor())
        stage.upstream.requestsFor(model)[0]!.exchange.pass()
        await reader.ended
        for (const headers of [await tokenFor(), keyOf('alice')])
          expect(toFrames((await readAll(read(stage.server, { path, headers }))).text)).toEqual(toFrames(reader.text))
        expect(await statusOf(path, await tokenFor({}, 'bob'))).toBe(404)
      })

      test('an EventSource reads a run with the token in the URL, and comes back with it', async () => {
        const { model, reader, path, run } = await start(keyOf('alice'))
        const { token } = await make({ run, origin })
        const source = read(stage.server, { path: `${path}?token=${token}`, headers: { origin } })
        await source.until((text) => text.includes('"a"'))
        source.leave()
        stage.upstream.requestsFor(model)[0]!.exchange.pass()
        await reader.ended
        const lastEventId = toFrames(source.text).at(-1)!.id!
        const headers = { origin, 'last-event-id': lastEventId }
        const again = await readAll(read(stage.server, { path: `${path}?token=${token}`, headers }))
        expect(toFrames(source.text + again.text)).toEqual(toFrames(reader.text))
        const after = await readAll(read(stage.server, { path: `${path}?after=0&token=${token}`, headers: { origin } }))
        expect(toFrames(after.text)).toEqual(toFrames(reader.text).slice(1))
      })

      test('a token for a run is for this run alone: it reads it, and stops it', async () => {
        const first = await start(keyOf('alice'), thenSilent(1))
        const second = await start(keyOf('alice'), thenSilent(1))
        const headers = await tokenFor({ run: first.run })
        for (const [method, path] of [
          ['GET', second.path],
          ['DELETE', second.path],
          ['GET', '/streams'],
          ['GET', '/api/version'],
          ['POST', '/tokens'],
          ['POST', '/ollama/cancel/x'],
        ] as const)
          expect([path, await statusOf(path, headers, method, method === 'POST' ? {} : undefined)]).toEqual([path, 403])
        expect(await readFailure(ask(headers))).toMatchObject({ status: 403, code: 'forbidden' })
        expect(await readFailure(ask({ ...headers, 'last-event-id': `${first.run}.0` }))).toMatchObject({ status: 403 })
        expect(await statusOf(first.path, headers, 'DELETE')).toBe(204)
        await first.reader.ended
        expect(toTold('sse', first.reader.text).failed).toMatchObject({ code: 'cancelled' })
        expect(second.reader.isEnded).toBe(false)
        second.reader.leave()
        await statusOf(second.path, keyOf('alice'), 'DELETE')
      })

      test('a token in the URL counts only in a GET of a run, once, and without a key in a header', async () => {
        const { reader, path } = await start(keyOf('alice'), thenSilent(1))
        const { token } = await make()
        for (const [method, target] of [
          ['DELETE', `${path}?token=${token}`],
          ['HEAD', `${path}?token=${token}`],
          ['GET', `${path}?token=${token}&token=${token}`],
          ['GET', `${path}?token=secret-of-alice`],
          ['GET', `${path}?Token=${token}`],
          ['GET', `${path}/?token=${token}`],
          ['GET', `/streams?token=${token}`],
          ['GET', `/streams/?token=${token}`],
          ['GET', `/api/version?token=${token}`],
          ['GET', `/v1/responses/resp_x?token=${token}`],
          ['GET', `/api/ui/chat/x/stream?token=${token}`],
          ['POST', `/api/chat?token=${token}`],
        ] as const)
          expect([target, await statusOf(target, {}, method)]).toEqual([target, 401])
        expect(await statusOf(`${path}?token=${token}`, bearer('wrong'))).toBe(401)
        expect(await statusOf(`${path}?token=slt_wrong`, keyOf('alice'), 'DELETE')).toBe(204)
        await reader.ended
      })
    })

    test('nothing of a token or of the secret is in the log', async () => {
      const before = stage.server.output().length
      await statusOf('/streams/x?token=slt_canary', {})
      await expect.poll(() => stage.server.output().slice(before)).toContain('"route":"/streams/:run"')
      for (const text of ['slt_', 'token=', secret]) expect(stage.server.output()).not.toContain(text)
    })
  })

  describe('stream tokens and limits', () => {
    const stage = useStage(runtime, {
      SLUICE_API_KEYS: toKey('alice'),
      SLUICE_TOKEN_SECRET: secret,
      SLUICE_MAX_STREAMS_PER_KEY: '1',
      SLUICE_TOKENS_PER_DAY: '5000',
    })

    test('a token counts as its key, and its limit of an answer is what is reserved', async () => {
      const toToken = (more: object) => bearer(sign({ key: 'alice', expires_at: soon(), ...more }))
      const model = stage.upstream.script(silent())
      const reader = generate(stage.server, 'sse', model, { headers: toToken({ num_predict: 10 }) })
      const { headers } = await reader.head
      expect(Number(headers['x-ratelimit-remaining-tokens'])).toBeGreaterThan(4900)
      for (const headers of [keyOf('alice'), toToken({})])
        expect(await readFailure(generate(stage.server, 'sse', model, { headers }))).toMatchObject({ status: 429 })
      reader.leave()
    })
  })

  describe('without SLUICE_TOKEN_SECRET', () => {
    const stage = useStage(runtime, { SLUICE_API_KEYS: toKey('alice') })

    test('there is no route for tokens, and a token is an unknown key', async () => {
      const headers = keyOf('alice')
      expect(await readFailure(read(stage.server, { path: '/tokens', body: {}, headers }))).toMatchObject({ status: 404 })
      const token = sign({ key: 'alice', expires_at: soon() }, '')
      expect(await readFailure(read(stage.server, { path: '/api/version', headers: bearer(token) }))).toMatchObject({
        status: 401,
        error: 'This key is not known here; check it',
      })
    })
  })
}
