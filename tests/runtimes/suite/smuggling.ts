import { describe, expect, test } from 'vitest'
import { generate, readAll, readRaw, toTold } from '../reader.ts'
import { useStage, type RuntimeName } from '../server.ts'

const honest = JSON.stringify({ model: 'smollm2:135m', prompt: 'honest' })
const evil = JSON.stringify({ model: 'smollm2:135m', prompt: 'smuggled' })
/**
 * A request that is hidden in a body. A proxy in front of Sluice would treat it as part of the
 * body.
 */
const hidden = `POST /api/generate HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${evil.length}\r\n\r\n${evil}`

const post = (lines: readonly string[], body: string, target = '/api/generate', host = 'Host: 127.0.0.1') =>
  [`POST ${target} HTTP/1.1`, ...(host ? [host] : []), ...lines, '', body].join('\r\n')
const size = (body: string) => `Content-Length: ${Buffer.byteLength(body)}`
const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
const chunked = 'Transfer-Encoding: chunked'

/**
 * Requests that two servers could read differently. workerd accepts two of them: it reads two
 * `chunked` headers as one, and a bare LF as the end of a line. RFC 9112 allows a bare LF (§2.2).
 * workerd then reads the bytes after such a request as a pipelined request (`pipelinesOn`).
 */
const attacks: readonly (readonly [name: string, bytes: string, pipelinesOn?: RuntimeName])[] = [
  ['CL.TE: chunks that end before the length does', post([size(`0\r\n\r\n${hidden}`), chunked], `0\r\n\r\n${hidden}`)],
  ['TE.CL: a length that ends inside a chunk', post(['Content-Length: 4', chunked], `${chunk(hidden)}0\r\n\r\n`)],
  ['TE first, then a length', post([chunked, 'Content-Length: 4'], `${chunk(hidden)}0\r\n\r\n`)],
  ['xchunked and a length', post(['Transfer-Encoding: xchunked', size(honest)], honest + hidden)],
  ['a space before the colon', post([size(honest), 'Transfer-Encoding : chunked'], `0\r\n\r\n${hidden}`)],
  ['a tab before chunked', post([size(`0\r\n\r\n${hidden}`), 'Transfer-Encoding:\tchunked'], `0\r\n\r\n${hidden}`)],
  ['chunked with a NUL', post([size(honest), 'Transfer-Encoding: chunked\0'], honest + hidden)],
  ['chunked twice', post([chunked, chunked], `${chunk(honest)}0\r\n\r\n${hidden}`), 'worker'],
  ['chunked, identity', post(['Transfer-Encoding: chunked, identity'], `${chunk(honest)}0\r\n\r\n${hidden}`)],
  ['a folded encoding', post([size(honest), 'Transfer-Encoding:', ' chunked'], honest + hidden)],
  ['a folded length', post(['Content-Length: 0', ` ${honest.length}`], honest + hidden)],
  ['two lengths, the short one first', post(['Content-Length: 2', size(honest)], honest + hidden)],
  ['two lengths, the short one last', post([size(honest), 'Content-Length: 2'], honest + hidden)],
  ['a list of lengths', post([`Content-Length: 0, ${honest.length}`], honest + hidden)],
  ['a length with a plus', post([`Content-Length: +0`], hidden)],
  ['a hexadecimal length', post(['Content-Length: 0x00'], hidden)],
  ['a length in words', post(['Content-Length: zero'], hidden)],
  ['a length with a letter', post(['Content-Length: 0a'], hidden)],
  ['a bare LF that hides an encoding', post([`X: a\nTransfer-Encoding: chunked`, size(honest)], honest + hidden)],
  ['a bare CR that hides a length', post([`X: a\rContent-Length: 0`, size(honest)], honest + hidden)],
  ['a NUL in a header', post(['X: a\0', size(honest)], honest + hidden)],
  ['two Hosts', post(['Host: evil', size(honest)], honest)],
  ['no Host', post([size(honest)], honest, '/api/generate', '')],
  ['16 KiB of headers', post([`X: ${'x'.repeat(16_384)}`, size('{')], '{')],
  ['an absolute target of another host', post([size(honest)], honest, 'http://evil/api/pull')],
  ['a chunk size that is too large to count', post([chunked], `${'f'.repeat(32)}\r\n${hidden}`)],
  ['a chunk size with a minus', post([chunked], `-1\r\n${hidden}`)],
  ['a chunk size with 0x', post([chunked], `0x5\r\nhello\r\n0\r\n\r\n${hidden}`)],
  ['a chunk that is longer than it says', post([chunked], `2\r\n${hidden}\r\n0\r\n\r\n`)],
  ['a chunk extension with a bare LF', post([chunked], `2;\nx\r\n{}\r\n0\r\n\r\n${hidden}`)],
  ['a bare LF twice, and a request', `POST /api/generate HTTP/1.1\r\nX: HTTP/1.1\n\n${hidden}`, 'worker'],
]

/** Single requests whose body looks like another request. */
const bodies: readonly (readonly [name: string, bytes: string])[] = [
  ['a length', post([size(hidden)], hidden)],
  ['chunks', post([chunked], `${chunk(hidden)}0\r\n\r\n`)],
  ['chunks cut inside it', post([chunked], `${chunk(hidden.slice(0, 20))}${chunk(hidden.slice(20))}0\r\n\r\n`)],
  ['trailers', post([chunked], `${chunk('{"model":5}')}0\r\nContent-Length: 0\r\nHost: evil\r\n\r\n`)],
]

/**
 * Sends bytes in which a server with a mistake would find an additional request. The upstream must
 * not get this additional request, and the next connection must work.
 */
export function describeSmuggling(runtime: RuntimeName) {
  describe('smuggling', () => {
    const stage = useStage(runtime)

    /**
     * Sends the bytes, waits until the connection is closed, and returns the requests that the
     * upstream got.
     */
    async function attack(bytes: string) {
      const before = stage.upstream.requests.length
      const reader = readRaw(stage.server, Buffer.from(bytes, 'latin1'))
      let isClosed = false
      void reader.closed.then(() => (isClosed = true))
      // A FIN shows the server that no more bytes follow.
      reader.socket.end()
      await expect.poll(() => isClosed, { timeout: 5000 }).toBe(true)
      const seen = stage.upstream.requests.slice(before)

      const next = await readAll(generate(stage.server, 'sse', { model: 'smollm2:135m', prompt: 'next' }))
      expect([next.status, next.ended, toTold('sse', next.text).failed]).toEqual([200, 'clean', undefined])
      expect(stage.upstream.requests.at(-1)!.json).toMatchObject({ prompt: 'next' })
      return seen
    }

    const named = attacks.map(([name, bytes, pipelinesOn]) => ({ name, bytes, pipelinesOn }))
    test.each(named)('$name', async ({ bytes, pipelinesOn }) => {
      const seen = await attack(bytes)
      const prompts = pipelinesOn === runtime ? ['honest', 'smuggled'] : ['honest']
      for (const { target, json } of seen) {
        expect(target).toBe('/api/generate')
        expect(prompts).toContain((json as { prompt: string }).prompt)
      }
      expect(seen.length).toBeLessThanOrEqual(prompts.length)
    })

    test.each(bodies)('a request inside a body with %s is only read as the body', async (_name, bytes) => {
      expect(await attack(bytes)).toEqual([])
    })
  })
}
