import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { viaHttp } from '../../src/runtimes/node/via-http.ts'
import { createBlob } from '../../src/upstreams/blob.ts'
import { viaFetch, type Connect } from '../../src/upstreams/connect.ts'
import { createExchange } from '../../src/upstreams/exchange.ts'
import type { Digest } from '../../src/upstreams/upstream.ts'
import { startBlobStore } from '#fake-ollama/blob-store.ts'
import { silent } from '#fake-ollama/scripts.ts'
import { startUpstream, type Script, type Upstream } from '#fake-ollama/upstream.ts'

const digest: Digest = `sha256:${'a'.repeat(64)}`
const { signal } = new AbortController()
const toStream = (...pieces: string[]) => new Blob(pieces).stream()

function answer(status: number, body = ''): Script {
  return (exchange) => {
    const type = body === '' ? {} : { 'content-type': 'application/json' }
    exchange.head(status, { ...type, 'content-length': String(Buffer.byteLength(body)) })
    exchange.chunk(body)
    exchange.end()
  }
}

describe.each<[string, () => Connect]>([
  ['fetch', () => viaFetch(fetch)],
  ['node:http', viaHttp],
])('a blob over %s', (_name, connect) => {
  let fixture: Upstream
  const blob = (content?: ReadableStream<Uint8Array>, within = signal) =>
    createBlob(createExchange({ host: fixture.url, apiKey: 'key', connect: connect() }))(
      { digest, content },
      { signal: within },
    )
  const on = (method: string, script: Script) => onTestFinished(fixture.on(`${method} /api/blobs/${digest}`, script))
  beforeEach(async () => {
    fixture = await startUpstream()
  })
  afterEach(async () => {
    await expect.poll(() => fixture.open).toBe(0)
    await fixture.close()
  })

  test('is found if Ollama has it', async () => {
    on('HEAD', answer(200))
    await blob()
    expect(fixture.requests).toMatchObject([{ method: 'HEAD', body: '', headers: { authorization: 'Bearer key' } }])
  })

  test('is not found, if Ollama does not have it', async () => {
    on('HEAD', answer(404))
    await expect(blob()).rejects.toMatchObject({ code: 'not_found', status: 404 })
  })

  test('is sent to Ollama unchanged', async () => {
    on('POST', answer(201))
    await blob(toStream('{"not": ', 'json}', '\0'))
    expect(fixture.requests).toMatchObject([
      { method: 'POST', body: '{"not": json}\0', headers: { 'content-type': 'application/octet-stream' } },
    ])
  })

  test('has Ollama’s own message when Ollama refuses it', async () => {
    on('POST', answer(400, '{"error":"digest mismatch"}'))
    await expect(blob(toStream('x'))).rejects.toMatchObject({ code: 'upstream_rejected', message: 'digest mismatch' })
  })

  test('that Ollama answers with 404 is upstream_protocol, not not_found', async () => {
    on('POST', answer(404))
    await expect(blob(toStream('x'))).rejects.toMatchObject({ code: 'upstream_protocol', status: 502 })
  })

  test('whose source breaks does not arrive complete', async () => {
    let pulls = 0
    const content = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (pulls++ < 2) controller.enqueue(new Uint8Array(1000))
        else controller.error(new Error('the reader left'))
      },
    })
    await expect(blob(content)).rejects.toMatchObject({ code: 'upstream_unreachable' })
    expect(fixture.requests).toEqual([])
  })

  test('stops in the middle of its upload with the signal’s reason', async () => {
    const controller = new AbortController()
    const content = new ReadableStream<Uint8Array>({ start: (source) => source.enqueue(new Uint8Array(1000)) })
    const reason = new Error('enough')
    const sent = blob(content, controller.signal)
    await expect.poll(() => fixture.connections).toBe(1)
    controller.abort(reason)
    await expect(sent).rejects.toBe(reason)
    await expect.poll(() => fixture.connections).toBe(0)
  })

  test('that is refused in the middle is sent no further', async () => {
    const store = await startBlobStore()
    const content = new ReadableStream<Uint8Array>({ start: (source) => source.enqueue(new Uint8Array(1000)) })
    const send = createBlob(createExchange({ host: store.url, apiKey: undefined, connect: connect() }))
    const sent = expect(send({ digest, content }, { signal })).rejects.toMatchObject({ message: 'no space left on device' })
    const seen = await store.next()
    seen.refuse(507, 'no space left on device')
    await sent
    await seen.closed
    await store.close()
  })

  test('that is refused with an endless message leaves no connection open', async () => {
    on('POST', (exchange) => {
      exchange.head(400, { 'content-type': 'application/json' })
      exchange.chunk('{"error":')
    })
    await expect(blob(toStream('x'))).rejects.toMatchObject({ code: 'upstream_rejected', status: 400 })
  })

  test('whose existence is being checked stops with the signal’s reason', async () => {
    on('HEAD', silent())
    const controller = new AbortController()
    const asked = blob(undefined, controller.signal)
    await expect.poll(() => fixture.open).toBe(1)
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(asked).rejects.toBe(reason)
  })
})

describe('a blob to which Ollama never answers', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  /** An Ollama that never answers. */
  const blob = createBlob(
    (_request, within) => new Promise((_, reject) => within.addEventListener('abort', () => reject(within.reason as Error))),
  )

  test('fails after ten seconds when its existence is checked', async () => {
    const asked = blob({ digest, content: undefined }, { signal })
    const failed = expect(asked).rejects.toMatchObject({ code: 'first_token_timeout' })
    await vi.advanceTimersByTimeAsync(10_000)
    await failed
    expect(vi.getTimerCount()).toBe(0)
  })

  test('has no time limit when it is uploaded', async () => {
    void blob({ digest, content: toStream('x') }, { signal })
    expect(vi.getTimerCount()).toBe(0)
  })
})
