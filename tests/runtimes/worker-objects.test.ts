import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { silent, thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { surfaces, toEnding } from '../surfaces.ts'
import { askToResume, read, readAll, readFailure } from './reader.ts'
import { toFrames, toRecorded, toRunPath } from './resumable.ts'
import { startServer, useStage, type Server } from './server.ts'

const secret = 'sk-of-alice'
const headers = { authorization: `Bearer ${secret}` }
const ofSse = surfaces.filter(({ endpoint, language }) => endpoint !== undefined && language.ofEvent)

/** A Worker whose Durable Objects are in a folder, so that they outlive workerd. */
describe('a Worker with Durable Objects on the disk', () => {
  let folder: string
  let upstream: Upstream
  let server: Server

  async function start(env: Readonly<Record<string, string>> = {}) {
    const keys = `alice:${createHash('sha256').update(secret).digest('hex')}`
    const own = { OLLAMA_HOST: upstream.url, SLUICE_LOG: 'silent', SLUICE_API_KEYS: keys, SLUICE_GRACE_MS: '0' }
    server = await startServer('worker', { ...own, ...env }, { objects: { folder } })
  }
  async function restart(env?: Readonly<Record<string, string>>) {
    await server.stop() // with SIGKILL
    await start(env)
  }
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-objects-'))
    upstream = await startUpstream()
    await start()
  })
  afterAll(async () => {
    await server?.stop()
    await upstream?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const ask = (model: string, { path, body }: { path: string; body: object }) =>
    askToResume({ server }, model, { path, body: { ...body, model }, headers })
  const view = (path: string, more: Readonly<Record<string, string>> = {}) =>
    read(server, { path, headers: { ...headers, ...more } })
  const stop = (path: string) => readAll(read(server, { path, method: 'DELETE', headers }))
  const toId = (run: string) => run.slice('/streams/'.length)
  const list = async () =>
    (JSON.parse((await readAll(view('/streams'))).text) as { streams: { stream: string; state: string }[] }).streams

  /** Returns the keys of what the object of a run has stored. */
  function toStored(run: string): string[] {
    const file = join(folder, 'sluice-RunObject', `${toId(run)}.sqlite`)
    if (!existsSync(file)) return []
    const database = new DatabaseSync(file, { readOnly: true })
    try {
      const hasTable = database.prepare("SELECT 1 FROM sqlite_master WHERE name = '_cf_KV'").get()
      return hasTable
        ? database
            .prepare('SELECT key FROM _cf_KV')
            .all()
            .map(({ key }) => String(key))
        : []
    } finally {
      database.close()
    }
  }
  const isStored = (run: string) => expect.poll(() => toStored(run).some((key) => key.startsWith('frame:'))).toBe(true)

  test.each(ofSse)(
    'a run of $path whose workerd is killed ends with producer_lost, behind what was stored',
    async (surface) => {
      const { path, body, streams } = surface
      const model = upstream.script(thenSilent(3))
      const reader = ask(model, { path, body: { ...body, ...streams } })
      await reader.until((text) => text.split(' token').length > 3)
      const run = toRunPath(await reader.head)
      await isStored(run)
      await restart()
      expect(await reader.ended).toBe('broken')

      const before = toFrames(reader.text)
      const answer = await readAll(view(run))
      expect(answer).toMatchObject({ status: 200, ended: 'clean' })
      expect(toEnding(surface, { status: 200, contentType: answer.headers['content-type'], text: answer.text })).toBe('failed')
      const frames = toFrames(answer.text)
      expect(frames.slice(0, -1)).toEqual(before)
      const number = before.length
      expect(frames.at(-1)).toMatchObject({
        id: `${toId(run)}.${number}`,
        data: expect.stringMatching(/producer_lost|is gone/) as string,
      })
      if (path.endsWith('/responses')) expect(JSON.parse(frames.at(-1)!.data)).toMatchObject({ sequence_number: number })
      // The number of the terminal may be that of a lost token for another viewer.
      for (const after of [number, number + 5])
        expect(await readFailure(view(`${run}?after=${after}`))).toMatchObject({ status: 410, code: 'log_lost' })
      expect(toFrames((await readAll(view(run, { 'last-event-id': `${toId(run)}.1` }))).text)).toEqual(frames.slice(2))
      expect(upstream.requestsFor(model)).toHaveLength(1)
      await expect.poll(list).toContainEqual(expect.objectContaining({ stream: run, state: 'finished' }))
      expect(await stop(run)).toMatchObject({ status: 204 })
      expect(await readAll(view(run))).toMatchObject({ status: 404 })
      expect((await list()).map(({ stream }) => stream)).not.toContain(run)
      expect(toStored(run)).toEqual([])
    },
  )

  test('a run that is killed before its first token is only the failure', async () => {
    const reader = ask(upstream.script(silent()), { path: '/v1/responses', body: { input: 'Hi', stream: true } })
    const run = toRunPath(await reader.head)
    await expect.poll(() => toStored(run)).toContain('run')
    await restart()
    const frames = toFrames((await readAll(view(run))).text)
    expect(frames.map(({ event }) => event)).toEqual(['response.created', 'response.in_progress', 'response.failed'])
    expect(frames.map(({ id }) => id)).toEqual([0, 1, 2].map((number) => `${toId(run)}.${number}`))
  })

  test('a background response that is killed is failed, by the ids that its caller knows', async () => {
    const body = { model: upstream.script(thenSilent(1)), input: 'Hi', background: true }
    const { text } = await readAll(read(server, { path: '/v1/responses', body, headers }))
    const { id } = JSON.parse(text) as { id: string }
    await isStored(id.replace('resp_', '/streams/'))
    await restart()
    const polled = await readAll(view(`/v1/responses/${id}`))
    expect(JSON.parse(polled.text)).toMatchObject({ id, status: 'failed', error: { code: 'producer_lost' } })
    const deleted = await readAll(read(server, { path: `/v1/responses/${id}`, method: 'DELETE', headers }))
    expect(JSON.parse(deleted.text)).toEqual({ id, object: 'response', deleted: true })
  })

  test('a chat of the AI SDK sees that its answer is gone, once', async () => {
    const path = '/api/ui/chat'
    const messages = [{ id: 'u', role: 'user', parts: [{ type: 'text', text: 'Hi' }] }]
    const reader = ask(upstream.script(thenSilent(1)), { path, body: { id: 'killed', messages } })
    await reader.until((text) => text.includes(' token'))
    await isStored(toRunPath(await reader.head))
    await restart()
    const { text } = await readAll(view(`${path}/killed/stream`))
    expect(toFrames(text).at(-1)!.data).toContain('is gone')
    await expect.poll(async () => (await readAll(view(`${path}/killed/stream`))).status).toBe(204)
  })

  test('a finished run can be read after a restart, byte for byte, until its time is over', async () => {
    await restart({ SLUICE_RESUME_KEEP_SECONDS: '2' })
    const model = upstream.script(tokens({ count: 300, text: (index) => ` 汉${index}😀` }))
    const answer = await readAll(ask(model, { path: '/chat', body: { text: 'Hi' } }))
    const run = toRunPath(answer)
    await restart({ SLUICE_RESUME_KEEP_SECONDS: '2' })
    const replay = await readAll(view(run))
    expect(toRecorded(replay.text)).toBe(toRecorded(answer.text))
    const last = toFrames(replay.text).at(-1)!.id!
    expect(await readAll(view(run, { 'last-event-id': last }))).toMatchObject({ status: 204 })
    await expect.poll(async () => (await readAll(view(run))).status).toBe(404)
    await expect.poll(() => toStored(run)).toEqual([])
  })

  test('a caller’s places stay taken when workerd is killed, until their lease is over', async () => {
    await restart({ SLUICE_MAX_STREAMS_PER_KEY: '1' })
    const model = upstream.script(thenSilent(1))
    const reader = ask(model, { path: '/chat', body: { text: 'Hi' } })
    await reader.until((text) => text.includes(' token'))
    await restart({ SLUICE_MAX_STREAMS_PER_KEY: '1' })
    expect(await readFailure(ask(model, { path: '/chat', body: { text: 'Hi' } }))).toMatchObject({ status: 429 })
    await restart()
  })

  describe('what makes no object', () => {
    const toObjects = () => readdirSync(join(folder, 'sluice-RunObject')).filter((name) => name.endsWith('.sqlite')).length

    test('an answer that did not ask for it, or cannot be resumed', async () => {
      const before = toObjects()
      const model = upstream.script(tokens({ count: 2 }))
      for (const { path, body, streams } of surfaces.filter(({ endpoint }) => endpoint !== undefined)) {
        await readAll(read(server, { path, body: { ...body, ...streams, model }, headers }))
        await readAll(read(server, { path, body: { ...body, ...streams, model }, headers: { ...headers, prefer: 'resume=0' } }))
        const lines = { ...headers, prefer: 'resume', accept: 'application/x-ndjson' }
        if (path.startsWith('/api/') && path !== '/api/ui/chat')
          await readAll(read(server, { path, body: { ...body, model }, headers: lines }))
      }
      expect(toObjects()).toBe(before)
    })

    test('a request without a key, a guess, and a mistake', async () => {
      const before = toObjects()
      const model = upstream.script(tokens({ count: 2 }))
      await readAll(askToResume({ server }, model))
      await readAll(askToResume({ server }, '../x', { headers }))
      for (let i = 0; i < 20; i++) {
        const id = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('hex')
        for (const path of [`/streams/${id}`, `/v1/responses/resp_${id}`]) expect((await readAll(view(path))).status).toBe(404)
        expect((await stop(`/streams/${id}`)).status).toBe(404)
      }
      expect(toObjects()).toBe(before)
    })
  })
})

describe('a Worker without Durable Objects', () => {
  const stage = useStage('worker', { SLUICE_GRACE_MS: '0', SLUICE_HEARTBEAT_MS: '100' }, { objects: 'none' })

  test.each(ofSse)(
    'ignores Prefer: resume on $path, and a reader that leaves stops the GPU',
    async ({ path, body, streams }) => {
      const model = stage.upstream.script(thenSilent(1))
      const reader = askToResume(stage, model, { path, body: { ...body, ...streams, model } })
      await reader.until((text) => text.includes(' token'))
      const head = await reader.head
      expect(head.headers).not.toHaveProperty('content-location')
      expect(String(head.headers['preference-applied'])).not.toContain('resume')
      expect(reader.text).not.toMatch(/^id: /m)
      reader.leave()
      await (
        await stage.upstream.next(model)
      ).exchange.closedByReader
    },
  )

  test('has no background responses', async () => {
    const body = { model: 'smollm2:135m', input: 'Hi', background: true }
    const { status, text } = await readAll(read(stage.server, { path: '/v1/responses', body }))
    expect(status).toBe(400)
    const error = { code: 'not_supported', param: 'background', message: expect.stringContaining('keeps no answers') as string }
    expect(JSON.parse(text)).toMatchObject({ error })
  })

  test.each(['/streams', '/streams/none', `/streams/${'0'.repeat(64)}`])('answers %s with 404', async (path) => {
    for (const method of ['GET', 'DELETE'])
      expect([404, 405]).toContain((await readAll(read(stage.server, { path, method }))).status)
  })
})

test('wrangler.toml binds both classes with SQLite, at a date from which on pending work keeps an object alive', () => {
  const text = readFileSync(new URL('../../wrangler.toml', import.meta.url), 'utf8')
  const [, date = ''] = /^compatibility_date = "([\d-]+)"$/m.exec(text) ?? []
  expect(date >= '2026-10-01').toBe(true)
  for (const [binding, name] of [
    ['RUNS', 'RunObject'],
    ['CALLERS', 'CallerObject'],
  ])
    expect(text).toMatch(new RegExp(`name = "${binding}"\\nclass_name = "${name}"`))
  expect(text).toMatch(/^new_sqlite_classes = \["RunObject", "CallerObject"\]$/m)
})
