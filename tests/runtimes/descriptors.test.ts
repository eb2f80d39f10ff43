import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { answer, thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { generate, readAll, toTold, type Reader } from './reader.ts'
import { startServer, type Server } from './server.ts'

// Workers are not tested, because workerd exits when it cannot accept a connection
// (docs/hazards.md#77). Deno has a test of its own below.
describe.each(['node', 'bun'] as const)('F30: %s, out of descriptors,', (runtime) => {
  let upstream: Upstream
  let server: Server
  let old: Reader

  beforeEach(async () => {
    upstream = await startUpstream()
    // The server asks for the version when it starts. The connection is closed after the answer, so
    // that no stream can use it: each stream needs a descriptor of its own.
    upstream.on(
      'GET /api/version',
      answer(200, { 'content-type': 'application/json', connection: 'close' }, '{"version":"0.33.0"}'),
    )
    server = await startServer(runtime, { OLLAMA_HOST: upstream.url })
    old = generate(server, 'sse', upstream.script(tokens({ count: 1e6, perSecond: 50 })))
    await old.until((text) => text.includes('token'))
  })
  afterEach(async () => {
    old.leave()
    await server.stop()
    await upstream.close()
  })

  /**
   * Limits the server to `count` more descriptors. The kernel gives a new descriptor the lowest
   * free number. This number must be below the limit.
   */
  function leaveFree(count: number) {
    const taken = new Set(readdirSync(`/proc/${server.pid}/fd`).map(Number))
    let limit = 0
    for (let free = 0; free < count || taken.has(limit); limit++) if (!taken.has(limit)) free++
    limitTo(limit)
  }

  function limitTo(descriptors: number) {
    execFileSync('prlimit', [`--pid=${server.pid}`, `--nofile=${descriptors}:`])
  }

  async function goesOn() {
    const count = old.byteCount
    await old.until(() => old.byteCount > count + 1000)
  }

  test('answers 503 if no descriptor is left for the upstream’s socket, continues old streams, and recovers', async () => {
    // The one free descriptor is enough for a reader, but not for its stream: each stream needs a
    // second descriptor, for the upstream.
    const readers = await withRoomFor(1)
    const answers = await Promise.all(readers.map((reader) => readAll(reader).catch(() => undefined)))
    const refused = answers.filter((found) => found?.status === 503)
    expect(refused.length).toBeGreaterThan(0)
    for (const { text, headers } of refused as NonNullable<(typeof answers)[0]>[]) {
      expect(JSON.parse(text)).toMatchObject({ code: 'too_many_streams' })
      expect(headers['retry-after']).toBe('5')
    }
    await goesOn()
    await recovers()
  })

  async function withRoomFor(count: number) {
    leaveFree(count)
    return Array.from({ length: 4 }, () => generate(server, 'ndjson', upstream.script(tokens({ count: 2 }))))
  }

  async function recovers() {
    limitTo(1000)
    const { status, text } = await readAll(generate(server, 'sse', upstream.script(tokens({ count: 2 }))))
    expect([status, toTold('sse', text).text]).toEqual([200, ' token token'])
    await goesOn()
    expect(server.errors()).toBe('')
  }

  test('accepts no connection that it has no descriptor for, continues old streams, and recovers', async () => {
    leaveFree(0)
    const model = upstream.script(thenSilent(1))
    const readers = Array.from({ length: 20 }, () => generate(server, 'sse', model))
    // Node closes the connections of these readers. On Bun they wait in the kernel's queue
    // (docs/hazards.md#77).
    if (runtime === 'node') for (const reader of readers) expect(await reader.ended).toBe('broken')
    await goesOn()
    for (const reader of readers) expect(reader.text).toBe('')
    for (const reader of readers) reader.leave()
    await recovers()
  })
})

// On Deno no connection is accepted any more after that (docs/hazards.md#118).
test('F30: deno, out of descriptors, continues old streams, and accepts no other connection', async () => {
  const upstream = await startUpstream()
  const server = await startServer('deno', { OLLAMA_HOST: upstream.url })
  const old = generate(server, 'sse', upstream.script(tokens({ count: 1e6, perSecond: 50 })))
  await old.until((text) => text.includes('token'))
  const taken = new Set(readdirSync(`/proc/${server.pid}/fd`).map(Number))
  let free = 0
  while (taken.has(free)) free++
  execFileSync('prlimit', [`--pid=${server.pid}`, `--nofile=${free}:`])
  const readers = Array.from({ length: 20 }, () => generate(server, 'sse', upstream.script(thenSilent(1))))
  const count = old.byteCount
  await old.until(() => old.byteCount > count + 5000)
  expect(readers.map(({ text }) => text)).toEqual(Array(20).fill(''))
  for (const reader of readers) reader.leave()
  old.leave()
  await server.stop()
  await upstream.close()
})
