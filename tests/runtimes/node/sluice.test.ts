import { createAdaptorServer, type ServerType } from '@hono/node-server'
import { Hono } from 'hono'
import { once } from 'node:events'
import { connect, createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { createSluice, type Sluice } from '../../../src/runtimes/node/sluice.ts'
import { read, readAll } from '../reader.ts'

let upstream: Upstream
let sluice: Sluice
beforeAll(async () => {
  upstream = await startUpstream()
  sluice = createSluice({ env: { OLLAMA_HOST: upstream.url }, base: '/ai' })
})
afterAll(() => upstream.close())

/** Starts a server for the rest of the test. Returns its URL. */
async function listen(server: ServerType): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const path = '/ai/api/generate'
const toBody = (script = tokens({ count: 2 })) => ({ model: upstream.script(script), prompt: 'Hi' })

test.each([
  ['with', undefined],
  ['without', 'x-app'],
])('a Hono app that passes its requests %s `c.env`: its headers, and a reader that leaves', async (how, header) => {
  const seen: (string | null)[] = []
  const app = new Hono()
    .use(async (c, next) => {
      await next()
      c.res.headers.append('x-app', 'yes')
      seen.push(c.res.headers.get('x-app'))
    })
    .all('/ai/*', (c) => sluice.fetch(c.req.raw, how === 'with' ? c.env : undefined))
  const url = await listen(createAdaptorServer({ fetch: app.fetch }))
  for (let i = 0; i < 3; i++) {
    const answer = await readAll(read({ url }, { path, body: toBody() }))
    expect(answer).toMatchObject({ status: 200, text: expect.stringContaining('"done":true') as string })
    expect(answer.headers['x-app']).toBe(header && 'yes')
  }
  expect(seen, 'what the middleware adds stays with its request').toEqual(['yes', 'yes', 'yes'])
  const body = toBody(thenSilent(2))
  const reader = read({ url }, { path, body })
  await reader.until((text) => text.split(' token').length > 2)
  const { exchange } = await upstream.next(body.model)
  reader.leave()
  await exchange.ended
})

test('a mount that leaves the URL as it is gets answers, and one that removes the path gets 404', async () => {
  const app = new Hono()
    .mount('/ai', (request) => sluice.fetch(request), { replaceRequest: false })
    .mount('/other', (request) => sluice.fetch(request))
  const ask = (path: string) => app.request(path, { headers: { host: 'localhost' } })
  expect((await ask('/ai/ping')).status).toBe(200)
  expect((await ask('/other/ai/ping')).status).toBe(200)
  expect((await ask('/other/ping')).status).toBe(404)
})

test('over HTTP/2 an answer streams, and a reader that leaves stops Ollama', async () => {
  const url = await listen(createAdaptorServer({ fetch: sluice.fetch, createServer }))
  const session = connect(url)
  onTestFinished(() => session.destroy())
  const body = toBody(thenSilent(2))
  const request = session.request({ ':method': 'POST', ':path': path, accept: 'text/event-stream' })
  request.end(JSON.stringify(body))
  let text = ''
  for await (const piece of request) {
    text += String(piece)
    if (text.split(' token').length > 2) break // this also closes the stream
  }
  await (
    await upstream.next(body.model)
  ).exchange.ended
})
