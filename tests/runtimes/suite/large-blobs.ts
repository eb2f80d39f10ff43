import { createHash } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { rssKbOf } from '../../lab/process-stats.ts'
import { startBlobStore, type BlobStore } from '#fake-ollama/blob-store.ts'
import { startServer, type RuntimeName, type Server } from '../server.ts'

const piece = Buffer.alloc(65_536, 'sluice')
const pieceCount = 4096
const byteCount = piece.byteLength * pieceCount
const path = `/api/blobs/sha256:${'0'.repeat(64)}`

const framings = [
  ['with its length', { 'content-length': byteCount }],
  ['in chunks', { 'transfer-encoding': 'chunked' }],
] as const

/** Resolves with true when the request can take more bytes, or with false after `limitMs`. */
async function untilDrained(request: http.ClientRequest, limitMs: number): Promise<boolean> {
  try {
    await once(request, 'drain', { signal: AbortSignal.timeout(limitMs) })
    return true
  } catch {
    return false
  }
}

/** Blobs that do not fit into memory (docs/protocol.md#1-routes). */
export function describeLargeBlobs(runtime: RuntimeName) {
  describe('a large blob', () => {
    let store: BlobStore
    let server: Server
    beforeAll(async () => {
      store = await startBlobStore()
      // This limit applies to JSON bodies only, so a blob may be larger.
      const limits = { SLUICE_MAX_BODY_BYTES: '1000' }
      server = await startServer(runtime, { OLLAMA_HOST: store.url, SLUICE_MANAGEMENT: '1', SLUICE_LOG: 'json', ...limits })
    })
    afterAll(async () => {
      await server.stop()
      await store.close()
    })

    let count = 0
    function upload(headers: http.OutgoingHttpHeaders) {
      const requestId = `blob-${++count}`
      const request = http.request(`${server.url}/ollama${path}`, {
        method: 'POST',
        agent: false,
        headers: { 'x-request-id': requestId, ...headers },
      })
      // A request that is destroyed before its end emits an error.
      request.on('error', () => {})
      const answered = once(request, 'response').then(async (given) => {
        const [response] = given as [http.IncomingMessage]
        return { status: response.statusCode, text: Buffer.concat(await response.toArray()).toString() }
      })
      answered.catch(() => {})
      return { request, requestId, answered }
    }

    /** Returns the access log line of a request. */
    function logged(requestId: string): unknown {
      const line = server
        .output()
        .split('\n')
        .find((text) => text.includes(`"${requestId}"`))
      return line === undefined ? undefined : JSON.parse(line)
    }

    test.each(framings)('passes through, %s, and memory stays flat', async (_name, headers) => {
      const { request, answered } = upload(headers)
      const memory = () => rssKbOf(server.pid) / 1024
      const before = memory()
      const hash = createHash('sha256')
      let peak = before
      const send = async () => {
        for (let index = 0; index < pieceCount; index++) {
          hash.update(piece)
          if (!request.write(piece)) await once(request, 'drain')
          if (index % 64 === 0) peak = Math.max(peak, memory())
        }
        request.end()
      }
      const [seen] = await Promise.all([store.next().then((seen) => (seen.accept(), seen)), send()])
      expect(await answered).toEqual({ status: 201, text: '' })
      expect(seen).toMatchObject({ path, byteCount })
      expect(await seen.digest).toBe(`sha256:${hash.digest('hex')}`)
      expect(peak - before, 'MB').toBeLessThan(byteCount / 1024 / 1024 / 2)
    })

    test.each(framings)('is read no faster than Ollama reads it, %s', async (_name, headers) => {
      const { request } = upload(headers)
      let sent = 0
      do sent += piece.byteLength
      while (sent < byteCount && (request.write(piece) || (await untilDrained(request, 500))))
      expect(sent).toBeLessThan(byteCount / 2)
      const seen = await store.next()
      request.destroy()
      seen.accept()
      expect(await seen.digest).toBeUndefined()
    })

    test.each(framings)(
      'whose client disconnects in the middle does not look complete to Ollama, %s',
      async (_name, headers) => {
        const { request, requestId } = upload(headers)
        request.write(piece)
        const seen = await store.next()
        seen.accept()
        await expect.poll(() => seen.byteCount).toBe(piece.byteLength)
        request.destroy()
        expect(await seen.digest).toBeUndefined()
        // workerd does not report which side broke off the upload. Deno reports the error of the body
        // before that of the connection.
        const told =
          runtime === 'worker' || runtime === 'deno'
            ? { status: 502, code: 'upstream_unreachable' }
            : { status: 499, ended: 'left' }
        await expect.poll(() => logged(requestId)).toMatchObject(told)
      },
    )

    // workerd notices a disconnected client only when a write to the client fails. In this test the
    // server writes nothing to the client.
    test.skipIf(runtime === 'worker')('whose client disconnects before Ollama has answered closes the upstream', async () => {
      // The store reads nothing, and notices the close only if its buffer is not full.
      const few = piece.subarray(0, 1000)
      const { request } = upload({ 'content-length': few.byteLength })
      request.end(few)
      const seen = await store.next()
      request.destroy()
      await seen.closed
    })

    test('that Ollama refuses in the middle is sent no further', async () => {
      const { request, answered } = upload({ 'transfer-encoding': 'chunked' })
      request.write(piece)
      const seen = await store.next()
      seen.refuse(507, 'no space left on device')
      expect(await answered).toEqual({ status: 507, text: '{"error":"no space left on device"}' })
      // Wait until Sluice's upload to Ollama has ended, before the client disconnects.
      await seen.closed
      request.destroy()
    })
  })
}
