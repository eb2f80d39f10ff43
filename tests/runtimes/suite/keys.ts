import { createHash } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { askToResume, generate, read, readAll, readFailure } from '../reader.ts'
import { useStage, type RuntimeName } from '../server.ts'

const toKey = (name: string, more: object = {}) => ({
  name,
  sha256: createHash('sha256').update(`secret-of-${name}`).digest('hex'),
  ...more,
})
const as = (name: string) => ({ authorization: `Bearer secret-of-${name}` })
const isFirst = (text: string) => text.includes(' token')
/** Long enough for the start of a server, and of four answers. */
const soonMs = 12_000

/** Keys with more than a name and models. On Workers they are a binding, not a file. */
export function describeKeys(runtime: RuntimeName) {
  describe('keys with fields of their own', () => {
    const stage = useStage(runtime, {
      SLUICE_API_KEYS: JSON.stringify({
        keys: [
          toKey('alice', { streams: 1, requests_per_minute: 5 }),
          toKey('bob', { models: ['smollm2:*'] }),
          toKey('old', { expires: '2020-01-31T12:00:00Z' }),
        ],
      }),
      SLUICE_MAX_STREAMS_PER_KEY: '2',
      SLUICE_GRACE_MS: '0',
    })
    const ask = (name: string) => generate(stage.server, 'sse', stage.upstream.script(thenSilent(1)), { headers: as(name) })

    test('a key that has expired is known only to who has its secret', async () => {
      const failure = (headers: Readonly<Record<string, string>>) =>
        readFailure(read(stage.server, { path: '/api/version', headers }))
      expect(await failure(as('old'))).toMatchObject({ status: 401, error: 'This key has expired; ask for a new one' })
      expect(await failure(as('older'))).toMatchObject({ status: 401, error: 'This key is not known here; check it' })
    })

    test('the limits of a key count each request once, also that of an answer that can be resumed', async () => {
      const model = stage.upstream.script(tokens({ count: 1 }))
      const left: unknown[] = []
      for (let i = 0; i < 2; i++) {
        const reader = askToResume(stage, model, { headers: as('alice') })
        const { status, headers } = await readAll(reader)
        expect(status).toBe(200)
        expect(headers['ratelimit-policy']).toBe('"minute";q=5;w=60')
        left.push(headers.ratelimit)
      }
      expect(left).toEqual(['"minute";r=4;t=0', '"minute";r=3;t=0'])
      const first = ask('alice')
      await first.until(isFirst)
      expect(await readFailure(ask('alice'))).toMatchObject({
        status: 429,
        error: expect.stringContaining('More than 1 answers'),
      })
      first.leave()
    })

    test('the other limits and the models of a key hold as before', async () => {
      expect(await readFailure(ask('bob'))).toMatchObject({ status: 404, code: 'model_not_found' })
    })
  })

  describe('a key that expires', () => {
    const env: Record<string, string> = { SLUICE_UPSTREAM_STREAMS: '3', SLUICE_GRACE_MS: '0' }
    // The server starts at once behind this.
    beforeAll(() => {
      const soon = toKey('soon', { expires: new Date(Date.now() + soonMs).toISOString() })
      env.SLUICE_API_KEYS = JSON.stringify({ keys: [toKey('alice'), soon] })
    })
    const stage = useStage(runtime, env)

    test('ends its answers with unauthorized, with a reader, without one and in the queue, and is told why', async () => {
      const { server, upstream } = stage
      const models = Array.from({ length: 4 }, () => upstream.script(thenSilent(1)))
      const [held, watched, detached, queued] = models as [string, string, string, string]
      const holder = generate(server, 'sse', held, { headers: as('alice') })
      const reader = generate(server, 'sse', watched, { headers: as('soon') })
      const leaver = generate(server, 'sse', detached, { headers: { ...as('soon'), prefer: 'resume=60' } })
      for (const each of [holder, reader, leaver]) await each.until(isFirst)
      leaver.leave()
      const waiting = generate(server, 'sse', queued, { headers: as('soon') })
      // It has sent its opening, so it waits in the queue.
      await waiting.until((text) => text === ':\n')
      const embedding = readFailure(
        read(server, { path: '/api/embed', body: { model: 'smollm2:135m', input: 'Hi' }, headers: as('soon') }),
      )
      // Where no timer runs, the next request of anybody ends the answers.
      await expect
        .poll(() => readAll(read(server, { path: '/api/version', headers: as('soon') })), { timeout: soonMs + 2000 })
        .toMatchObject({ status: 401, text: expect.stringContaining('This key has expired; ask for a new one') })
      for (const each of [reader, waiting]) {
        await each.until((text) => text.includes('"code":"unauthorized"'))
        expect(await each.ended).toBe('clean')
      }
      expect(await embedding).toMatchObject({ status: 401, code: 'unauthorized' })
      // On Workers the object of the answer looks at its key once a minute (docs/deploy.md).
      if (runtime !== 'worker') await upstream.requestsFor(detached)[0]!.exchange.closedByReader
      // The places that are free now are for others.
      const next = upstream.script(tokens({ count: 1 }))
      expect(await readAll(generate(server, 'sse', next, { headers: as('alice') }))).toMatchObject({ ended: 'clean' })
      expect(upstream.requestsFor(queued)).toEqual([])
      expect(upstream.requests.filter(({ target }) => target === '/api/embed')).toEqual([])
      expect(holder.isEnded).toBe(false)
      holder.leave()
    }, 60_000)
  })
}
