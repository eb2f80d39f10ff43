import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { generate, read, readAll, readFailure, readRaw, toPost, toTold, type ReaderRequest } from '../reader.ts'
import { countRequests, useStage, type RuntimeName } from '../server.ts'
import { toEach } from './tables.ts'

const secrets = { alice: 'sluice-secret-of-alice', bob: 'sluice-secret-of-bob' }
const toEntry = (name: keyof typeof secrets, ...models: string[]) =>
  [name, createHash('sha256').update(secrets[name]).digest('hex'), ...models].join(':')
const bearer = (name: keyof typeof secrets) => ({ authorization: `Bearer ${secrets[name]}` })

/** One request to each surface, and a function that reads the error code from the refusal. */
const surfaces: readonly (readonly [path: string, request: Omit<ReaderRequest, 'path'>, toCode: (body: string) => unknown])[] =
  [
    ['/api/generate', { body: { prompt: 'Hi' } }, (body) => JSON.parse(body).code],
    ['/chat', { body: { text: 'Hi' } }, (body) => JSON.parse(body).code],
    ['/api/tags', {}, (body) => JSON.parse(body).code],
    ['/api/ui/chat', { body: {} }, (body) => JSON.parse(body).code],
    ['/ollama/api/chat', { body: {} }, (body) => Object.keys(JSON.parse(body)).join()],
    ['/ollama/cancel/x', {}, (body) => Object.keys(JSON.parse(body)).join()],
    ['/v1/chat/completions', { body: {} }, (body) => JSON.parse(body).error.code],
    ['/v1/models', {}, (body) => JSON.parse(body).error.code],
    ['/v1/messages', { body: {} }, (body) => JSON.parse(body).error.code],
    ['/nothing/here', {}, (body) => JSON.parse(body).code],
  ]

/** Keys, hosts and origins (docs/protocol.md#7-who-may-ask). */
export function describeAccess(runtime: RuntimeName) {
  const each = toEach(runtime)
  describe('keys', () => {
    const stage = useStage(runtime, {
      SLUICE_API_KEYS: `${toEntry('alice')},${toEntry('bob', 'smollm2:*|mine*')}`,
      SLUICE_ALIASES: 'small=smollm2:135m,large=gemma3:270m',
      SLUICE_LOG: 'json',
    })

    test.each(surfaces)(
      '%s without a good key is 401 in the envelope of its dialect, and Ollama gets no request',
      async (path, request, toCode) => {
        for (const headers of [
          {},
          { authorization: 'Bearer ' },
          { authorization: `Bearer ${secrets.alice}x` },
          { authorization: `Basic ${Buffer.from(`alice:${secrets.alice}`).toString('base64')}` },
          { authorization: secrets.alice },
          { 'x-api-key': 'alice' },
        ]) {
          const asked = await countRequests(stage, async () => {
            const answer = await readAll(read(stage.server, { path, ...request, headers }))
            expect(answer).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer realm="sluice"' } })
            expect(toCode(answer.text)).toBe(path.startsWith('/ollama') ? 'error' : 'unauthorized')
            expect(answer.text).not.toContain(secrets.alice)
          })
          expect(asked).toBe(0)
        }
      },
    )

    test.each([
      ['a wrong Bearer, a good x-api-key', ['Authorization: Bearer x', `X-Api-Key: ${secrets.alice}`], true],
      ['a good Bearer, a wrong x-api-key', [`Authorization: Bearer ${secrets.alice}`, 'X-Api-Key: x'], true],
      ['a wrong Bearer, a good api-key', ['Authorization: Bearer x', `Api-Key: ${secrets.alice}`], true],
      ['two wrong ones, a good api-key', ['Authorization: Bearer x', 'X-Api-Key: x', `Api-Key: ${secrets.alice}`], true],
      ['a name and password, a good x-api-key', ['Authorization: Basic eDp5', `X-Api-Key: ${secrets.alice}`], true],
      ['an empty Bearer, a good x-api-key', ['Authorization: Bearer ', `X-Api-Key: ${secrets.alice}`], true],
      [
        'an endless Bearer, a good x-api-key',
        [`Authorization: Bearer ${'x'.repeat(9000)}`, `X-Api-Key: ${secrets.alice}`],
        true,
      ],
      ['three wrong ones', ['Authorization: Bearer x', 'X-Api-Key: y', 'Api-Key: z'], false],
      ['two Authorizations, the second good', [`Authorization: Bearer x`, `Authorization: Bearer ${secrets.alice}`], false],
      ['two Authorizations, the first good', [`Authorization: Bearer ${secrets.alice}`, `Authorization: Bearer x`], false],
      ['a good one twice in x-api-key', [`X-Api-Key: ${secrets.alice}`, `X-Api-Key: ${secrets.alice}`], false],
      ['a good one behind the length of a key', [`X-Api-Key: ${'x'.repeat(5000)}${secrets.alice}`], false],
      ['other headers', [`Proxy-Authorization: Bearer ${secrets.alice}`, `X-Goog-Api-Key: ${secrets.alice}`], false],
    ])('one good key among several headers is enough, if each header is sent once: %s', async (_name, headers, isIn) => {
      for (const method of ['GET', 'HEAD']) {
        const asked = await countRequests(stage, async () => {
          const head = [`${method} /api/version HTTP/1.1`, 'Host: localhost', ...headers, 'Connection: close', '', '']
          const reader = readRaw(stage.server, head.join('\r\n'))
          await reader.closed
          expect(reader.text).toMatch(isIn ? /^HTTP\/1\.1 200 / : /^HTTP\/1\.1 401 /)
        })
        expect(asked).toBe(isIn ? 1 : 0)
      }
    })

    test.each(['HEAD', 'PUT', 'DELETE', 'OPTIONS'])('a %s without a key is 401 on every path, known or not', async (method) => {
      for (const path of ['/api/tags', '/api/generate', '/nothing'])
        expect((await readAll(read(stage.server, { path, method }))).status).toBe(401)
    })

    test('a request without a key is 401 before its body arrives', async () => {
      const reader = readRaw(stage.server, toPost('/api/chat', '', ['Content-Length: 100000']))
      await expect.poll(() => reader.text).toMatch(/^HTTP\/1\.1 401 /)
      reader.socket.destroy()
    })

    test('a key in the URL is not accepted', async () => {
      for (const name of ['key', 'api_key', 'access_token', 'authorization'])
        expect(await readFailure(read(stage.server, { path: `/api/tags?${name}=${secrets.alice}` }))).toMatchObject({
          status: 401,
        })
    })

    test.each([
      ['Authorization', bearer('alice')],
      ['Authorization in other letters', { authorization: `bearer ${secrets.alice}` }],
      ['x-api-key, as Anthropic’s clients send it', { 'x-api-key': secrets.alice }],
      ['api-key, as Azure’s clients send it', { 'api-key': secrets.alice }],
    ])('a good key in %s is accepted', async (_name, headers) => {
      const model = stage.upstream.script(tokens({ count: 2 }))
      const answer = await readAll(generate(stage.server, 'sse', model, { headers }))
      expect(toTold('sse', answer.text).failed).toBeUndefined()
    })

    each([
      '/',
      '/ping',
      '/healthz',
      '/readyz',
      '/v1',
      '/v1/',
      '/ollama',
      '/ollama/',
      '/ollama/api',
      '/ollama/api/',
      '/ollama/v1',
      '/ollama/v1/',
    ])('%s needs no key', async (path) => {
      expect(await readAll(read(stage.server, { path }))).toMatchObject({ status: 200 })
    })

    test('the log has the name of a key, and never its secret', async () => {
      const model = stage.upstream.script(tokens({ count: 1 }))
      await readAll(generate(stage.server, 'sse', model, { headers: bearer('alice') }))
      await readAll(read(stage.server, { path: '/api/tags', headers: bearer('bob') }))
      await readAll(read(stage.server, { path: '/api/tags', headers: { authorization: `Bearer ${secrets.bob}wrong` } }))
      await expect.poll(() => stage.server.output()).toContain('"key":"bob"')
      expect(stage.server.output()).not.toContain('secret-of')
    })

    test.each([
      ['Authorization', { ...bearer('bob'), 'x-api-key': secrets.alice, 'api-key': secrets.alice }],
      ['x-api-key', { authorization: 'Bearer x', 'x-api-key': secrets.bob, 'api-key': secrets.alice }],
    ])('of two good keys the one in %s counts', async (_name, headers) => {
      const asked = await countRequests(stage, async () => {
        expect((await readFailure(generate(stage.server, 'sse', 'gemma3:270m', { headers }))).code).toBe('model_not_found')
      })
      expect(asked).toBe(0)
      const other = { ...headers, authorization: 'Bearer x', 'x-api-key': secrets.alice }
      expect((await readAll(generate(stage.server, 'sse', 'gemma3:270m', { headers: other }))).status).toBe(200)
    })

    test('a key may use only its own models: others are not found and not listed', async () => {
      const model = stage.upstream.script(tokens({ count: 1 }), 'mine:1b')
      expect((await readAll(generate(stage.server, 'sse', model, { headers: bearer('bob') }))).status).toBe(200)
      expect((await readAll(generate(stage.server, 'sse', 'gemma3:270m', { headers: bearer('alice') }))).status).toBe(200)
      const asked = await countRequests(stage, async () => {
        const failure = await readFailure(generate(stage.server, 'sse', 'gemma3:270m', { headers: bearer('bob') }))
        expect(failure).toMatchObject({ status: 404, code: 'model_not_found', error: "model 'gemma3:270m' not found" })
      })
      expect(asked).toBe(0)
      const toNames = async (name: keyof typeof secrets) => {
        const { text } = await readAll(read(stage.server, { path: '/api/tags', headers: bearer(name) }))
        return (JSON.parse(text) as { models: { name: string }[] }).models.map(({ name }) => name)
      }
      const all = await toNames('alice')
      const own = await toNames('bob')
      expect(own.length).toBeGreaterThan(0)
      expect(own.length).toBeLessThan(all.length)
      for (const name of own) expect(name).toMatch(/^smollm2:/)
      const toIds = async (name: keyof typeof secrets) => {
        const { text } = await readAll(read(stage.server, { path: '/v1/models', headers: bearer(name) }))
        return (JSON.parse(text) as { data: { id: string }[] }).data.map(({ id }) => id)
      }
      expect(await toIds('alice')).toEqual([...all, 'small', 'large'])
      expect(await toIds('bob')).toEqual([...own, 'small'])
      const large = await readAll(read(stage.server, { path: '/v1/models/large', headers: bearer('bob') }))
      expect(large.status).toBe(404)
    })

    test('a key cannot cancel a stream of another key', async () => {
      const model = stage.upstream.script(thenSilent(1))
      const headers = { ...bearer('alice'), 'x-request-id': 'mine' }
      const reader = generate(stage.server, 'sse', model, { headers })
      await reader.until((text) => text.includes(' token'))
      const cancel = (name: keyof typeof secrets) =>
        readAll(read(stage.server, { path: '/ollama/cancel/mine', method: 'POST', headers: bearer(name) }))
      expect(await cancel('bob')).toMatchObject({ status: 404 })
      expect(reader.isEnded).toBe(false)
      expect(await cancel('alice')).toMatchObject({ status: 204 })
      await reader.ended
      expect(toTold('sse', reader.text).failed).toMatchObject({ code: 'cancelled' })
    })
  })

  describe('hosts', () => {
    // Without keys and without SLUICE_INSECURE, a Worker serves only loopback names.
    const stage = useStage(runtime, { SLUICE_ALLOWED_HOSTS: 'chat.example,[2001:db8::1]', SLUICE_INSECURE: '1' })
    const ask = (host: string, path = '/api/version') => readAll(read(stage.server, { path, headers: { host } }))

    each([
      '127.0.0.1',
      '127.0.0.1:8083',
      '127.9.9.9',
      'localhost',
      'LOCALHOST:80',
      'localhost.',
      'my.localhost:3000',
      '[::1]:8083',
      'chat.example',
      'Chat.Example:443',
      '[2001:db8::1]:80',
    ])('%s is accepted', async (host) => {
      expect(await ask(host)).toMatchObject({ status: 200 })
    })

    each([
      'evil.example',
      'chat.example.evil',
      'xchat.example',
      '127.0.0.1.evil.example',
      'localhost.evil.example',
      '128.0.0.1',
      '192.168.0.1:8083',
      '[2001:db8::2]',
      '0.0.0.0',
      '2130706433',
      'a@localhost',
      'localhost:80:80',
    ])('%s is refused, as a page after DNS rebinding sends such a name', async (host) => {
      const answer = await ask(host)
      expect(answer.status).toBeGreaterThanOrEqual(400)
      // If the text is not a valid host, the runtime may refuse the request before Sluice gets it.
      if (answer.text.startsWith('{')) expect(JSON.parse(answer.text)).toMatchObject({ code: 'forbidden_host' })
    })

    test.each(['/ping', '/healthz'])('%s is answered for any Host, as load balancers send an address', async (path) => {
      for (const host of ['10.1.2.3:8083', 'evil.example', '[2001:db8::2]'])
        expect(await ask(host, path)).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } })
      expect(await ask('10.1.2.3:8083', '/readyz')).toMatchObject({ status: 403 })
      const withHosts = (hosts: string) => readRaw(stage.server, `GET ${path} HTTP/1.1\r\n${hosts}Connection: close\r\n\r\n`)
      const two = withHosts('Host: 10.1.2.3\r\nHost: evil.example\r\n')
      await two.closed
      expect(two.text).toMatch(/^HTTP\/1\.1 200 /)
    })

    // workerd requires a Host header even in HTTP/1.0.
    test.skipIf(runtime === 'worker')(
      'a request of HTTP/1.0 without a Host is answered only at /ping and /healthz',
      async () => {
        const ask = async (path: string) => {
          const reader = readRaw(stage.server, `GET ${path} HTTP/1.0\r\n\r\n`)
          await reader.closed
          return reader.text
        }
        for (const path of ['/ping', '/healthz']) expect(await ask(path)).toMatch(/^HTTP\/1\.1 200 /)
        for (const path of ['/chat', '/nothing', '/', '/v1/models'])
          expect(await ask(path)).toMatch(/^HTTP\/1\.1 403 [^]*"code":"forbidden_host"/)
      },
    )
  })

  describe('origins', () => {
    const listed = 'https://chat.example'
    const others = [
      'http://localhost:3000',
      'app://obsidian.md',
      'tauri://localhost',
      'capacitor://localhost:8100',
      'chrome-extension://abcdefghijklmnopabcdefghijklmnop',
      'safari-web-extension://0A1B2C3D-0000-4000-8000-ABCDEF012345',
    ]
    const origins = [listed, ...others, 'moz-extension://*', 'vscode-webview://*']
    const stage = useStage(runtime, { SLUICE_CORS_ORIGINS: origins.join(), SLUICE_HEARTBEAT_MS: '1000' })
    const ask = (headers: Readonly<Record<string, string>>, request: Partial<ReaderRequest> = {}) =>
      readAll(read(stage.server, { path: '/api/generate', body: '{', headers, ...request }))

    each([
      'https://evil.example',
      'https://chat.example.evil',
      'https://chat.example:444',
      'http://chat.example',
      'https://CHAT.example',
      'http://localhost:3001',
      'http://127.0.0.1:3001',
      'http://localhost',
      'null',
      'file://',
      'chrome-extension://abc',
      'app://obsidian.md.evil',
      'app://OBSIDIAN.md',
      'app://obsidian.md/',
      'app://obsidian.md:80',
      'tauri://localhost.evil.example',
      'safari-web-extension://0a1b2c3d-0000-4000-8000-abcdef012345',
      'moz-extension://',
      'moz-extension://*',
      'moz-extension://a/b',
      'moz-extension://a:80',
      'moz-extension://a@b',
      'moz-extension://a b',
      'xmoz-extension://a',
      'moz-extension:a',
      'vscode-webview://a,vscode-webview://b',
      'https://*',
      '*',
      'nonsense',
    ])('%s is refused, with every content type', async (origin) => {
      for (const type of [
        'application/json',
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=x',
      ]) {
        const asked = await countRequests(stage, async () => {
          const answer = await ask({ origin, 'content-type': type }, { body: { model: 'smollm2:135m', prompt: 'Hi' } })
          expect(answer).toMatchObject({ status: 403 })
          expect(JSON.parse(answer.text)).toMatchObject({ code: 'forbidden_origin' })
          expect(answer.headers).not.toHaveProperty('access-control-allow-origin')
        })
        expect(asked).toBe(0)
      }
    })

    test('our own origin is allowed, under either scheme and without its default port', async () => {
      const { port } = stage.server
      for (const [origin, host] of [
        [`http://127.0.0.1:${port}`, `127.0.0.1:${port}`],
        [`https://localhost:${port}`, `localhost:${port}`],
        ['http://localhost', 'localhost'],
        ['https://localhost', 'localhost:443'],
        ['http://localhost', 'localhost:80'],
      ] as const)
        expect(JSON.parse((await ask({ origin, host })).text)).toMatchObject({ code: 'invalid_json' })
    })

    each([
      ...others,
      'moz-extension://3f0b9e2c-1d3c-4b7e-9c55-0123456789ab',
      'vscode-webview://0a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6q7r8s9t0u1v2w3x4y5z',
    ])('%s is allowed, as it or its scheme is listed', async (origin) => {
      const headers = { 'access-control-allow-origin': origin, vary: expect.stringMatching(/origin/i) as string }
      expect(await ask({ origin })).toMatchObject({ status: 400, headers })
      const method = { 'access-control-request-method': 'POST' }
      expect(await ask({ origin, ...method }, { method: 'OPTIONS', body: '' })).toMatchObject({ status: 204, headers })
    })

    test('a listed origin is allowed, and its page can read the answers, errors too', async () => {
      const model = stage.upstream.script(tokens({ count: 1 }))
      const answer = await readAll(generate(stage.server, 'sse', model, { headers: { origin: listed } }))
      expect(answer).toMatchObject({ status: 200, headers: { 'access-control-allow-origin': listed } })
      expect(answer.headers.vary?.toLowerCase()).toContain('origin')
      const exposed = answer.headers['access-control-expose-headers']!.split(',')
      expect(exposed.toSorted()).toEqual([
        'accept-encoding',
        'allow',
        'content-location',
        'preference-applied',
        'ratelimit',
        'ratelimit-policy',
        'request-id',
        'retry-after',
        'www-authenticate',
        'x-ratelimit-limit-tokens',
        'x-ratelimit-remaining-tokens',
        'x-request-id',
        'x-sluice-default-model',
        'x-sluice-host',
        'x-sluice-ignored',
        'x-vercel-ai-ui-message-stream',
      ])
      expect(answer.headers).not.toHaveProperty('access-control-allow-credentials')
      expect(await ask({ origin: listed })).toMatchObject({ status: 400, headers: { 'access-control-allow-origin': listed } })
    })

    const preflight = (origin: string, names: string | undefined) => {
      const asking = names === undefined ? {} : { 'access-control-request-headers': names }
      const headers = { origin, 'access-control-request-method': 'POST', ...asking }
      return ask(headers, { method: 'OPTIONS', path: '/v1/chat/completions', body: '' })
    }

    each([
      'authorization,content-type,x-stainless-os,anthropic-dangerous-direct-browser-access',
      'http-referer,x-title',
      'baggage,sentry-trace,traceparent,tracestate',
      'x-requested-with',
      "a-name-of-nobody,!#$%&'*+.^_`|~",
      Array.from({ length: 300 }, (_, i) => `x-header-${i}`).join(),
    ])('a preflight of a listed origin allows the headers that it asks for: %.40s', async (names) => {
      const { status, headers } = await preflight(listed, names)
      expect(status).toBe(204)
      expect(headers).toMatchObject({
        'access-control-allow-origin': listed,
        'access-control-allow-headers': names,
        'access-control-max-age': '600',
      })
      expect(headers['access-control-allow-methods']!.split(',')).toEqual(['GET', 'HEAD', 'POST', 'DELETE'])
      expect(headers).not.toHaveProperty('access-control-allow-credentials')
    })

    test('a preflight that asks for no headers allows none', async () => {
      for (const names of [undefined, '']) {
        const { status, headers } = await preflight(listed, names)
        expect(status).toBe(204)
        expect(headers).not.toHaveProperty('access-control-allow-headers')
      }
    })

    each(['a b', 'a:b', 'a;b', '"a"', 'a,,b', ',a', '<a>', 'x'.repeat(4097)])(
      'a preflight that asks for an invalid header name is 400: %.20s',
      async (names) => {
        const { status, headers } = await preflight(listed, names)
        expect(status).toBe(400)
        expect(headers).not.toHaveProperty('access-control-allow-headers')
      },
    )

    test('a preflight of an origin that is not listed is 403 without CORS headers', async () => {
      for (const origin of ['https://evil.example', 'null', 'moz-extension://', 'app://evil.md']) {
        const { status, headers } = await preflight(origin, 'authorization')
        expect(status).toBe(403)
        expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([])
      }
    })

    test('our own origin and programs without an origin get no CORS headers', async () => {
      const own = { origin: `http://127.0.0.1:${stage.server.port}` }
      for (const headers of [{}, own]) {
        for (const [path, method, status] of [
          ['/api/tags', 'GET', 200],
          ['/api/tags', 'OPTIONS', 405],
          ['/nothing', 'OPTIONS', 404],
        ] as const) {
          const answer = await readAll(read(stage.server, { path, method, headers }))
          expect(answer).toMatchObject({ status, headers: { vary: 'Origin' } })
          expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([])
        }
      }
    })

    test('a cross-site request without an origin is refused, but not a link to an open page', async () => {
      const get = (path: string, headers: Readonly<Record<string, string>>) =>
        readAll(read(stage.server, { path, headers: { 'sec-fetch-site': 'cross-site', ...headers } }))
      expect(await get('/api/tags', { 'sec-fetch-mode': 'no-cors' })).toMatchObject({ status: 403 })
      expect(await get('/api/tags', { 'sec-fetch-mode': 'navigate' })).toMatchObject({ status: 403 })
      expect(await get('/ollama/cancel/x', { 'sec-fetch-mode': 'navigate' })).toMatchObject({ status: 403 })
      expect(await get('/ping', { 'sec-fetch-mode': 'no-cors' })).toMatchObject({ status: 403 })
      for (const path of ['/', '/ping', '/client.js', '/client.d.ts', '/openapi.json'])
        expect(await get(path, { 'sec-fetch-mode': 'navigate' })).toMatchObject({ status: 200 })
      for (const site of ['same-origin', 'same-site', 'none'])
        expect(await get('/api/tags', { 'sec-fetch-site': site })).toMatchObject({ status: 200 })
    })
  })

  if (runtime === 'worker') {
    describe('a Worker without keys', () => {
      const stage = useStage(runtime)

      test('serves loopback names only, but /ping and /healthz for every name', async () => {
        const ask = (path: string, host: string) => readAll(read(stage.server, { path, headers: { host } }))
        expect(await ask('/api/tags', 'localhost')).toMatchObject({ status: 200 })
        const refused = await ask('/api/tags', 'my.workers.dev')
        expect(refused.status).toBe(503)
        expect(JSON.parse(refused.text)).toMatchObject({
          code: 'misconfigured',
          error: expect.stringContaining('SLUICE_API_KEYS'),
        })
        for (const path of ['/ping', '/healthz']) expect(await ask(path, 'my.workers.dev')).toMatchObject({ status: 200 })
      })
    })
  }
}
