import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { createApp } from '../../src/app.ts'
import { parseConfig } from '../../src/config/parse-config.ts'
import type { LogLine } from '../../src/middleware/access-log.ts'
import { openWithStreamSSE } from '../../src/relay/sink.ts'
import type { Connect } from '../../src/upstreams/connect.ts'
import { createMemoryLogs } from '../../src/streams/memory-log.ts'

const key = 'secret'
const id = 'ab'.repeat(16)

/** An Ollama that answers with three lines. */
const connect: Connect = () =>
  Promise.resolve({
    status: 200,
    headers: new Headers({ 'content-type': 'application/x-ndjson' }),
    async flow(take) {
      for (const line of ['{"response":"a"}', '{"response":"b"}', '{"done":true}']) await take(Buffer.from(`${line}\n`))
    },
  })

function create() {
  const sha256 = createHash('sha256').update(key).digest('hex')
  const config = parseConfig({ SLUICE_API_KEYS: `me:${sha256}` })
  const lines: LogLine[] = []
  const app = createApp({
    config,
    connect,
    open: openWithStreamSSE,
    log: (line) => void lines.push(line),
    logs: createMemoryLogs(config.resume),
  })
  const ask = async (method: string, path: string, headers: Record<string, string> = {}, body?: object) =>
    app.fetch(
      new Request(`http://localhost${path}`, {
        method,
        headers: { host: 'localhost', authorization: `Bearer ${key}`, ...headers },
        ...(body && { body: JSON.stringify(body) }),
      }),
    )
  return { ask, lines }
}

test.each([
  ['GET', `/streams/${id}`, 404, '/streams/:run'],
  ['DELETE', `/streams/${id}`, 404, '/streams/:run'],
  ['PUT', `/streams/${id}`, 405, '/streams/:run'],
  ['GET', `/streams/${id}?after=${id}`, 404, '/streams/:run'],
  ['GET', '/streams', 200, '/streams'],
  ['GET', `/streams/${id}/${id}`, 404, '-'],
  ['POST', `/ollama/cancel/${id}`, 404, '/ollama/cancel/:id'],
  ['GET', '/v1/models/gemma3', 502, '/v1/models/:id{.+}'],
  ['POST', '/api/chat', 400, '/api/chat'],
  ['GET', '/healthz', 200, '/healthz'],
  ['GET', `/${id}`, 404, '-'],
  ['PUT', '/api/chat', 405, '-'],
] as const)('%s %s: the route of a %d is %s', async (method, path, status, route) => {
  const { ask, lines } = create()
  const response = await ask(method, path)
  await response.body?.cancel()
  expect(lines).toMatchObject([{ method, status, route }])
  expect(JSON.stringify(lines)).not.toContain(id)
})

test.each([
  ['GET', `/streams/${id}`, '/streams/:run'],
  ['POST', '/api/chat', '/api/chat'],
  ['GET', '/v1/models/gemma3', '/v1/models/:id{.+}'],
] as const)('%s %s: a request that the guards refuse has its route as well', async (method, path, route) => {
  const { ask, lines } = create()
  for (const [status, headers] of [
    [401, { authorization: 'Bearer wrong' }],
    [403, { origin: 'http://evil.example' }],
  ] as const) {
    const response = await ask(method, path, headers)
    expect(response.status).toBe(status)
    expect(lines.pop()).toMatchObject({ status, route })
  }
})

test('the id of a run is in no line: not of its own request, nor of those that read and stop it', async () => {
  const { ask, lines } = create()
  const body = { model: 'demo', prompt: 'Hi' }
  const answer = await ask('POST', '/api/generate', { prefer: 'resume=30' }, body)
  const path = answer.headers.get('content-location')!
  expect(path).toMatch(/^\/streams\/\w{32}$/)
  const [text, again] = await Promise.all([answer.text(), ask('GET', path).then((response) => response.text())])
  expect(again).toBe(text)
  const last = /id: (\S+)\n[^]{0,9999}$/.exec(text)![1]!
  const run = path.split('/')[2]!
  expect(await (await ask('POST', '/api/generate', { 'last-event-id': `${run}.0` }, body)).text()).toContain(run)
  for (const lastEventId of [last, `${run}.999999`, `${run}.x`, `${id}.0`]) {
    await (await ask('GET', path, { 'last-event-id': lastEventId })).text()
    await (await ask('POST', '/api/generate', { 'last-event-id': lastEventId }, body)).text()
  }
  await ask('DELETE', path)
  await ask('DELETE', path)
  await expect.poll(() => lines.length).toBe(13)
  expect(new Set(lines.map(({ route }) => route))).toEqual(new Set(['/api/generate', '/streams/:run']))
  expect(JSON.stringify(lines)).not.toContain(run)
  expect(JSON.stringify(lines)).not.toContain(id)
  expect(lines.filter(({ resumed }) => resumed).length).toBeGreaterThan(2)
})
