import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { tokens } from '#fake-ollama/scripts.ts'
import { cpuMsOf, rssKbOf } from '../../lab/process-stats.ts'
import { read, readAll, readFailure, readRaw, toChunked, toPost } from '../reader.ts'
import { countRequests, useStage, type RuntimeName } from '../server.ts'
import { toEach } from './tables.ts'

const encoders = {
  gzip: (bytes: string | Uint8Array) => gzipSync(bytes),
  deflate: (bytes: string | Uint8Array) => deflateSync(bytes),
  br: (bytes: string | Uint8Array) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }),
  zstd: (bytes: string | Uint8Array) => zstdCompressSync(bytes),
}
type Coding = keyof typeof encoders
const all = Object.keys(encoders) as Coding[]

/** The content codings that Sluice can decode on each runtime. */
const taken: Readonly<Record<RuntimeName, readonly Coding[]>> = {
  node: all,
  bun: all,
  deno: ['gzip', 'deflate'],
  worker: ['gzip', 'deflate'],
}

/** One request to each dialect, without the model. */
const requests: readonly (readonly [path: string, body: object])[] = [
  ['/api/generate', { prompt: 'Grüße' }],
  ['/api/chat', { messages: [{ role: 'user', content: 'Grüße' }] }],
  ['/chat', { text: 'Grüße' }],
  ['/ollama/api/chat', { messages: [{ role: 'user', content: 'Grüße' }] }],
  ['/v1/chat/completions', { messages: [{ role: 'user', content: 'Grüße' }] }],
  ['/v1/responses', { input: 'Grüße' }],
  ['/v1/messages', { max_tokens: 9, messages: [{ role: 'user', content: 'Grüße' }] }],
  ['/api/ui/chat', { messages: [{ id: '1', role: 'user', parts: [{ type: 'text', text: 'Grüße' }] }] }],
]

/**
 * Bodies with a content coding (docs/protocol.md#7-who-may-ask). Sluice accepts the codings that
 * the runtime can decode. The size limit of a body applies to the decoded bytes.
 */
export function describeCodings(runtime: RuntimeName) {
  const each = toEach(runtime)
  describe('codings', () => {
    const stage = useStage(runtime)
    const send = (path: string, coding: string, body: string | Uint8Array) =>
      read(stage.server, { path, method: 'POST', body, headers: { 'content-encoding': coding } })

    describe.each(taken[runtime])('a body in %s', (coding) => {
      const encode = encoders[coding]

      each(requests)('at %s reaches Ollama decoded, and equal to a plain body', async (path, body) => {
        const model = stage.upstream.script(tokens({ count: 1 }))
        const json = JSON.stringify({ model, ...body })
        expect(await readAll(send(path, coding, encode(json)))).toMatchObject({ status: 200, ended: 'clean' })
        expect(await readAll(read(stage.server, { path, body: json }))).toMatchObject({ status: 200, ended: 'clean' })
        const [decoded, plain] = stage.upstream.requestsFor(model)
        expect(decoded!.body).toContain('Grüße')
        expect(decoded!.body).toBe(plain!.body)
        expect(decoded!.headers).not.toHaveProperty('content-encoding')
      })

      test('may be chunked, with the name of its coding in upper case', async () => {
        const body = toChunked(encode(JSON.stringify({ model: 'smollm2:135m', prompt: 'Hi' })), 20)
        const headers = ['Transfer-Encoding: chunked', `Content-Encoding: ${coding.toUpperCase()}`]
        const reader = readRaw(stage.server, toPost('/api/generate', body, headers))
        await expect.poll(() => reader.text).toMatch(/^HTTP\/1\.1 200 [^]*"done":true/)
        reader.socket.destroy()
      })

      test('that is truncated, corrupt, not encoded or no JSON is invalid_json', async () => {
        const good = encode(JSON.stringify({ model: 'smollm2:135m', prompt: 'Hi'.repeat(5000) }))
        const bad = [
          Buffer.alloc(0),
          good.subarray(0, 1),
          good.subarray(0, good.length / 2),
          // Deno does not miss the checksum at the end of deflate.
          ...(runtime === 'deno' && coding === 'deflate' ? [] : [good.subarray(0, -1)]),
          Buffer.from(good.map((byte, i) => (i === 2 ? ~byte : byte))),
          Buffer.from('{"model":"smollm2:135m","prompt":"Hi"}'),
          encode('{'),
          encode(encode('{}')),
          encode('['.repeat(5_000_000)),
        ]
        const asked = await countRequests(stage, async () => {
          for (const body of bad)
            expect(await readFailure(send('/api/chat', coding, body))).toMatchObject({ status: 400, code: 'invalid_json' })
        })
        expect(asked).toBe(0)
        expect(stage.server.errors()).toBe('')
      })
    })

    const others = all.filter((coding) => !taken[runtime].includes(coding))
    test.each([
      ...others,
      'gzip, gzip',
      'identity, gzip',
      'gzip,',
      'x-gzip',
      'deflate-raw',
      'compress',
      'nonsense',
      'constructor',
    ])('Content-Encoding: %s is refused with the names of the supported codings', async (coding) => {
      const asked = await countRequests(stage, async () => {
        for (const [path] of requests) {
          const { status, headers, text } = await readAll(send(path, coding, deflateRawSync('{}')))
          expect({ status, names: headers['accept-encoding']?.split(', ').toSorted() }, path).toEqual({
            status: 415,
            names: [...taken[runtime]].toSorted(),
          })
          for (const name of taken[runtime]) expect(text).toContain(name)
        }
      })
      expect(asked).toBe(0)
    })

    test('two Content-Encoding headers are refused, as a list is', async () => {
      const body = gzipSync('{"model":"smollm2:135m","prompt":"Hi"}')
      const headers = ['Content-Encoding: gzip', 'Content-Encoding: gzip', `Content-Length: ${body.length}`]
      const reader = readRaw(stage.server, toPost('/api/generate', body, headers))
      await expect.poll(() => reader.text).toMatch(/^HTTP\/1\.1 415 [^]*"code":"unsupported_encoding"/)
      reader.socket.destroy()
    })

    describe('the body limit', () => {
      const limit = 2000
      const small = useStage(runtime, { SLUICE_MAX_BODY_BYTES: String(limit) })
      const bodyOf = (bytes: number) => {
        const [head, tail] = ['{"model":"smollm2:135m","prompt":"', '"}']
        return head + 'x'.repeat(bytes - head.length - tail.length) + tail
      }
      const post = (coding: Coding, body: Uint8Array) =>
        readAll(read(small.server, { path: '/api/generate', method: 'POST', body, headers: { 'content-encoding': coding } }))

      test.each(taken[runtime])('counts the decoded bytes of %s', async (coding) => {
        expect(await post(coding, encoders[coding](bodyOf(limit)))).toMatchObject({ status: 200 })
        const asked = await countRequests(small, async () => {
          for (const bytes of [limit + 1, limit * 100]) {
            const { status, text } = await post(coding, encoders[coding](bodyOf(bytes)))
            expect(status).toBe(413)
            expect(JSON.parse(text)).toMatchObject({ code: 'body_too_large' })
          }
        })
        expect(asked).toBe(0)
      })

      test('counts the encoded bytes too', async () => {
        const asked = await countRequests(small, async () => {
          expect(await post('gzip', Buffer.alloc(limit + 1))).toMatchObject({ status: 413 })
        })
        expect(asked).toBe(0)
      })
    })

    describe('a bomb', () => {
      /** 256 MiB, which is sixteen times the limit of a body. */
      const zeros = Buffer.alloc(1 << 28)

      test.each(taken[runtime])('of %s is refused for at most 150 ms of CPU, and its memory stays small', async (coding) => {
        const bomb = encoders[coding](zeros)
        const post = () => readFailure(send('/api/chat', coding, bomb))
        const refusal = { status: 413, code: 'body_too_large' }
        const asked = await countRequests(stage, async () => {
          const rssBefore = rssKbOf(stage.server.pid)
          // The first requests make the runtime compile the code, so they are not measured.
          for (let i = 0; i < 3; i++) expect(await post()).toMatchObject(refusal)
          const cpuBefore = cpuMsOf(stage.server.pid)
          for (let i = 0; i < 4; i++) expect(await post()).toMatchObject(refusal)
          expect((cpuMsOf(stage.server.pid) - cpuBefore) / 4).toBeLessThanOrEqual(150)
          // A single bomb that is decoded completely would use 256 MiB.
          expect(rssKbOf(stage.server.pid) - rssBefore).toBeLessThan(150_000)
        })
        expect(asked).toBe(0)
      })
    })
  })
}
