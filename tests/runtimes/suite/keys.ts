import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { askToResume, generate, read, readAll, readFailure } from '../reader.ts'
import { useStage, type RuntimeName } from '../server.ts'

const toKey = (name: string, more: object = {}) => ({
  name,
  sha256: createHash('sha256').update(`secret-of-${name}`).digest('hex'),
  ...more,
})
const as = (name: string) => ({ authorization: `Bearer secret-of-${name}` })
/** Long enough for the start of a server. */
const soonMs = 12_000

/** Keys with more than a name and models. On Workers they are a binding, not a file. */
export function describeKeys(runtime: RuntimeName) {
  describe('keys with fields of their own', () => {
    const expires = new Date(Date.now() + soonMs).toISOString()
    const stage = useStage(runtime, {
      SLUICE_API_KEYS: JSON.stringify({
        keys: [
          toKey('alice', { streams: 1, requests_per_minute: 5 }),
          toKey('bob', { models: ['smollm2:*'] }),
          toKey('old', { expires: '2020-01-31T12:00:00Z' }),
          toKey('soon', { expires }),
        ],
      }),
      SLUICE_MAX_STREAMS_PER_KEY: '2',
      SLUICE_GRACE_MS: '0',
    })
    const ask = (name: string) => generate(stage.server, 'sse', stage.upstream.script(thenSilent(1)), { headers: as(name) })
    const isFirst = (text: string) => text.includes(' token')

    test('an answer of a key that expires ends with unauthorized, and the key is told why', async () => {
      const reader = ask('soon')
      await reader.until(isFirst)
      // Where no timer runs, the next request of anybody ends the answer.
      await expect
        .poll(() => readAll(read(stage.server, { path: '/api/version', headers: as('soon') })), { timeout: soonMs + 2000 })
        .toMatchObject({ status: 401, text: expect.stringContaining('This key has expired; ask for a new one') })
      await reader.until((text) => text.includes('"code":"unauthorized"'))
      expect(await reader.ended).toBe('clean')
    })

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
}
