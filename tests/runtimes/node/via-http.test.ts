import { readFileSync } from 'node:fs'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { viaHttp } from '../../../src/runtimes/node/via-http.ts'
import { connectContract } from '../../contracts/connect.ts'
import { watchListeners } from '../../listeners.ts'
import { tokens } from '#fake-ollama/scripts.ts'
import { startUpstream } from '#fake-ollama/upstream.ts'

connectContract('node:http', viaHttp)

test('a thousand streams leave no listener on a signal that they share (hazard 37)', async () => {
  const upstream = await startUpstream()
  const connect = viaHttp()
  const { signal } = new AbortController()
  const listeners = watchListeners(signal)
  const model = upstream.script(tokens({ count: 1 }))
  const ask = async () => {
    const { flow } = await connect(
      { method: 'POST', url: `${upstream.url}/api/chat`, headers: {}, body: JSON.stringify({ model }) },
      signal,
    )
    await flow(() => {})
  }
  for (let i = 0; i < 10; i++) await Promise.all(Array.from({ length: 100 }, ask))
  await expect.poll(() => listeners.size).toBe(0)
  await upstream.close()
})

describe('https', () => {
  // This private key protects nothing. Its certificate is self-signed for 127.0.0.1, and only this
  // test uses it.
  const read = (name: string) => readFileSync(new URL(`../../fixtures/tls/${name}`, import.meta.url), 'utf8')
  const certificate = read('cert.pem')
  let server: https.Server
  let url: string

  beforeAll(async () => {
    server = https.createServer({ key: read('key.pem'), cert: certificate }, (request, response) => {
      response.write(`${request.method} ${request.url} `)
      request.pipe(response)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/api/chat`
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })

  const ask = async () => {
    const { flow } = await viaHttp()({ method: 'POST', url, headers: {}, body: '{"a":1}' }, new AbortController().signal)
    let text = ''
    await flow((bytes) => void (text += Buffer.from(bytes).toString()))
    return text
  }

  test('an upstream with an untrusted certificate is unreachable', async () => {
    await expect(ask()).rejects.toMatchObject({ code: 'upstream_unreachable', cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' } })
  })

  test('an upstream with a trusted certificate streams as over http', async () => {
    const before = tls.getCACertificates('default')
    tls.setDefaultCACertificates([certificate])
    try {
      expect(await ask()).toBe('POST /api/chat {"a":1}')
    } finally {
      tls.setDefaultCACertificates(before)
    }
  })
})
