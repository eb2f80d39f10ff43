import { createHash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { read, readAll } from '../reader.ts'
import { countRequests, useStage, type RuntimeName } from '../server.ts'

const html = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob:; base-uri 'none'; " +
  "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

/** The chat page and the client library (docs/protocol.md#1-routes). */
export function describeAssets(runtime: RuntimeName) {
  describe('assets', () => {
    // Assets need no key, because a person without a key must be able to enter one.
    const stage = useStage(runtime, { SLUICE_API_KEYS: `me:${createHash('sha256').update('secret').digest('hex')}` })
    const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
      readAll(read(stage.server, { path, method, headers }))
    const toFiles = (page: string) => [...page.matchAll(/"(\/assets\/[\w.-]+)"/g)].map(([, path]) => path!)

    test('a browser gets the page at / and its files, without a request to the upstream', async () => {
      const asked = await countRequests(stage, async () => {
        const page = await get('/', { accept: html })
        expect(page).toMatchObject({ status: 200, headers: { 'content-type': 'text/html; charset=utf-8' } })
        expect(page.headers['content-security-policy']).toBe(policy)
        const files = toFiles(page.text)
        expect(files).toHaveLength(3)
        for (const path of files) {
          const file = await get(path)
          const type = path.endsWith('.css') ? 'text/css; charset=utf-8' : 'text/javascript; charset=utf-8'
          expect(file).toMatchObject({ status: 200, headers: { 'content-type': type } })
          expect(file.headers['cache-control']).toBe('public, max-age=31536000, immutable')
        }
      })
      expect(asked).toBe(0)
    })

    test.each([undefined, '*/*', 'application/json', 'text/html;q=0'])(
      'a client that accepts %s gets one line of text at /',
      async (accept) => {
        const answer = await get('/', accept === undefined ? {} : { accept })
        expect(answer).toMatchObject({ status: 200, text: 'Sluice is running' })
      },
    )

    test('client.js is served at a fixed path and at a hashed path, with its types', async () => {
      const client = await get('/client.js')
      expect(client.headers).toMatchObject({
        'content-type': 'text/javascript; charset=utf-8',
        'cache-control': 'no-cache',
        'x-typescript-types': './client.d.ts',
      })
      expect(client.text).toContain('streamChat')
      const types = await get('/client.d.ts')
      expect(types.headers['content-type']).toBe('application/typescript; charset=utf-8')
      expect(types.text).toContain('streamChat')
      const hash = createHash('sha256').update(client.text).digest('base64url').slice(0, 10)
      const hashed = await get(`/assets/client-${hash}.js`)
      expect(hashed).toMatchObject({ text: client.text, headers: { 'x-typescript-types': '../client.d.ts' } })
    })

    test('openapi.json describes the routes to everybody, also in a link from another site', async () => {
      const headers = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }
      const answer = await get('/openapi.json', headers)
      expect(answer).toMatchObject({
        status: 200,
        headers: { 'content-type': 'application/json', 'cache-control': 'no-cache' },
      })
      const { openapi, paths } = JSON.parse(answer.text) as { openapi: string; paths: object }
      expect(openapi).toBe('3.1.0')
      expect(paths).toHaveProperty('/api/chat.post')
    })

    test.each(['/', '/client.js', '/client.d.ts', '/openapi.json'])(
      '%s is gzipped for clients that accept gzip, and plain for others',
      async (path) => {
        const plain = await get(path, { accept: html })
        const pieces: Buffer[] = []
        const headers = { accept: html, 'accept-encoding': 'gzip, br' }
        const response = await readAll(read(stage.server, { path, headers, take: (piece) => pieces.push(piece) }))
        expect(response.headers['content-encoding']).toBe('gzip')
        expect(gunzipSync(Buffer.concat(pieces)).toString()).toBe(plain.text)
        expect(plain.headers).not.toHaveProperty('content-encoding')
        for (const { vary } of [plain.headers, response.headers]) expect(vary).toContain('accept-encoding')
        expect(response.headers.etag).not.toBe(plain.headers.etag)
        const refusing = await get(path, { accept: html, 'accept-encoding': 'gzip;q=0' })
        expect(refusing.text).toBe(plain.text)
      },
    )

    test.each(['/', '/client.js'])('%s is 304 for a client that has it', async (path) => {
      const { headers } = await get(path, { accept: html })
      const again = await get(path, { accept: html, 'if-none-match': `"other", ${headers.etag}`, 'x-request-id': 'again' })
      expect(again).toMatchObject({ status: 304, text: '', headers: { etag: headers.etag, 'x-request-id': 'again' } })
      expect(await get(path, { accept: html, 'if-none-match': '"other"' })).toMatchObject({ status: 200 })
    })

    test.each(['/', '/client.js'])('HEAD %s is GET without its body, and POST is refused', async (path) => {
      const { headers } = await get(path, { accept: html })
      const head = await get(path, { accept: html }, 'HEAD')
      expect(head).toMatchObject({
        status: 200,
        text: '',
        headers: { etag: headers.etag, 'content-type': headers['content-type'] },
      })
      expect(await get(path, { 'x-api-key': 'secret' }, 'POST')).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } })
    })

    test.each(['/assets/', '/assets/page.js', '/assets/../client.js/', '/client.ts'])(
      'there is nothing at %s',
      async (path) => {
        expect((await get(path, { 'x-api-key': 'secret' })).status).toBe(404)
      },
    )
  })
}
