import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { read, readAll, type Reader } from '../runtimes/reader.ts'
import { toRunPath } from '../runtimes/resumable.ts'
import { startServer, type Server } from '../runtimes/server.ts'
import { startRedis, type RedisServer } from './redis-server.ts'

const secret = 'secret-2b1c'
const bearer = { authorization: `Bearer ${secret}` }
const prompt = 'prompt-5d0e'
const instructions = 'instructions-71af'
const said = 'answer-c3a9'

let redis: RedisServer
let upstream: Upstream
let server: Server

beforeAll(async () => {
  redis = await startRedis()
  upstream = await startUpstream()
  server = await startServer('node', {
    OLLAMA_HOST: upstream.url,
    SLUICE_LOG: 'silent',
    SLUICE_REDIS_URL: redis.url,
    SLUICE_API_KEYS: `alice:${createHash('sha256').update(secret).digest('hex')}`,
    SLUICE_RATE_PER_MINUTE: '1000',
    SLUICE_MAX_STREAMS_PER_KEY: '100',
  })
})
afterAll(async () => {
  await server.stop()
  await upstream.close()
  await redis.stop()
})

const readers: Readonly<Record<string, readonly string[]>> = {
  stream: ['XRANGE', '-', '+'],
  hash: ['HGETALL'],
  string: ['GET'],
  set: ['SMEMBERS'],
  zset: ['ZRANGE', '0', '-1'],
  list: ['LRANGE', '0', '-1'],
  // The key has expired since its name was read.
  none: ['EXISTS'],
}

/** Returns everything that Redis has, and how long each key lives. */
async function readRedis() {
  const names = (await redis.command('KEYS', '*')) as string[]
  const values = await Promise.all(
    names.map(async (name) => {
      const [command = '', ...args] = readers[String(await redis.command('TYPE', name))]!
      return redis.command(command, name, ...args)
    }),
  )
  const lives = await Promise.all(names.map(async (name) => Number(await redis.command('PTTL', name))))
  return { names, text: JSON.stringify([names, values]), lives }
}

const chat = [
  { role: 'system', content: instructions },
  { role: 'user', content: prompt },
]
const surfaces: Readonly<Record<string, object>> = {
  '/chat': { text: prompt },
  '/api/generate': { prompt, system: instructions },
  '/api/chat': { messages: chat },
  '/v1/chat/completions': { messages: chat, stream: true },
  '/v1/completions': { prompt, stream: true },
  '/v1/messages': { max_tokens: 9, system: instructions, messages: chat.slice(1), stream: true },
  '/api/ui/chat': { id: 'a-chat', messages: [{ id: 'u1', role: 'user', parts: [{ type: 'text', text: prompt }] }] },
  '/v1/responses': { input: prompt, instructions, stream: true },
}

function ask(path: string, model: string): Reader {
  const headers = { ...bearer, prefer: 'resume=30', accept: 'text/event-stream' }
  return read(server, { path, headers, body: { ...surfaces[path], model } })
}

test.each(Object.keys(surfaces))('Redis has the answers of %s, and neither its prompts nor keys of callers', async (path) => {
  await redis.command('FLUSHALL')
  const open = ask(path, upstream.script(thenSilent(1)))
  await open.until((text) => text.includes(' token'))
  await readAll(ask(path, upstream.script(tokens({ count: 2, text: () => said }))))
  await expect.poll(async () => (await readRedis()).text).toContain(said)
  const { text } = await readRedis()
  expect(text).not.toContain(prompt)
  expect(text).not.toContain(secret)
  expect(text.includes(instructions), 'the frames of Responses repeat the settings of the request').toBe(
    path === '/v1/responses',
  )
  await readAll(read(server, { method: 'DELETE', path: toRunPath(await open.head), headers: bearer }))
})

test('Redis has a background response for ten minutes, and no text of its prompt', async () => {
  await redis.command('FLUSHALL')
  const body = {
    ...surfaces['/v1/responses'],
    background: true,
    model: upstream.script(tokens({ count: 2, text: () => said })),
  }
  const created = await readAll(read(server, { path: '/v1/responses', headers: bearer, body }))
  const [, run] = /resp_([\da-f]+)/.exec(created.text)!
  const isThere = expect.poll(async () => (await readRedis()).text)
  await isThere.toContain(said)
  const { names, text, lives } = await readRedis()
  expect(text).not.toContain(prompt)
  expect(lives[names.findIndex((name) => name.endsWith(`{${run}}:log`))]).toBeGreaterThan(590_000)
})

test('every key begins with our prefix, and expires by itself', async () => {
  const { names, lives } = await readRedis()
  expect(names.length).toBeGreaterThan(2)
  for (const name of names) expect(name).toMatch(/^sluice:1:\{/)
  // The list of a caller's runs lives for a day and an hour. All else lives for minutes.
  const longest = names.flatMap((name, i) => (lives[i]! > 660_000 ? [name] : []))
  expect(longest).toEqual(['sluice:1:{owner:alice}:runs'])
  expect(Math.max(...lives)).toBeLessThanOrEqual(90_000_000)
  expect(lives, 'a key without an end').not.toContain(-1)
})
