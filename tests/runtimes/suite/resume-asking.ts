import { describe, expect, test } from 'vitest'
import { delayed, tokens } from '#fake-ollama/scripts.ts'
import { surfaces, toEnding, type Surface } from '../../surfaces.ts'
import { askToResume, read, readAll, readRaw, toPost } from '../reader.ts'
import { toFrames, toRecorded, toRunPath } from '../resumable.ts'
import { useStage, type PairName, type RuntimeName } from '../server.ts'

const generations = surfaces.filter(({ endpoint }) => endpoint !== undefined)
const ofSse = generations.filter(({ language }) => language.ofEvent)
const ofOther = [
  ...generations.filter(({ language }) => !language.ofEvent).map((surface) => [surface, 'text/event-stream', {}] as const),
  ...generations.filter(({ language }) => language.ofLine).map((surface) => [surface, 'application/x-ndjson', {}] as const),
  ...generations
    .filter(({ path }) => path === '/api/generate' || path === '/api/chat')
    .map((surface) => [surface, 'text/plain', {}] as const),
  ...generations
    .filter(({ path }) => path !== '/chat' && path !== '/api/ui/chat')
    .map((surface) => [surface, '*/*', { stream: false }] as const),
]

const idLines = /^id: .*\n/gm

/** `Prefer: resume` on every route that generates (docs/protocol.md, "Resume"). */
export function describeResumeAsking(runtime: RuntimeName | PairName) {
  describe('Prefer: resume', () => {
    const stage = useStage(runtime, {
      SLUICE_GRACE_MS: '0',
      SLUICE_HEARTBEAT_MS: '100',
      SLUICE_CORS_ORIGINS: 'http://good.test',
    })
    let count = 0

    const ask = ({ path, body, streams }: Surface, model: string, headers: Readonly<Record<string, string>>) =>
      readAll(
        read(stage.server, {
          path,
          body: { ...body, ...streams, model },
          headers: { accept: 'text/event-stream', 'x-request-id': `asking-${count}`, ...headers },
        }),
      )
    /**
     * The time of the answer in OpenAI's formats is that of the server. The AI SDK needs the id of
     * a message that it resumes.
     */
    const toComparable = (text: string) =>
      text
        .replaceAll(/"(created|created_at|completed_at)":\d+/g, '"$1":0')
        .replace(/^(data: \{"type":"start"),"messageId":"[^"]+"/, '$1')

    test.each(ofSse)('$path gives each frame an id, and changes nothing else', async (surface) => {
      count++
      const model = stage.upstream.script(tokens({ count: 3, text: (index) => ` 汉${index}` }))
      const plain = await ask(surface, model, {})
      const asked = await ask(surface, model, { prefer: 'resume=5' })
      const both = await ask(surface, model, { prefer: 'status, resume=5' })

      expect(plain.headers).not.toHaveProperty('content-location')
      expect(plain.headers).not.toHaveProperty('preference-applied')
      expect(plain.text).not.toMatch(idLines)
      for (const { status, headers, text } of [asked, both]) {
        expect(toEnding(surface, { status, contentType: headers['content-type'], text })).toBe('done')
        expect(toComparable(toRecorded(text.replaceAll(idLines, '')))).toBe(toComparable(toRecorded(plain.text)))
        const run = toRunPath({ status, headers }).slice('/streams/'.length)
        expect(toFrames(text).map(({ id }) => id)).toEqual(toFrames(plain.text).map((_, index) => `${run}.${index}`))
        expect(run, 'an id of at least 128 bits').toMatch(/^[\da-f]{32,}$/)
      }
      const own = String(both.headers['preference-applied'] ?? '')
        .split(', ')
        .filter((applied) => !applied.startsWith('resume'))
      expect(asked.headers['preference-applied']).toBe('resume=5')
      expect(String(both.headers['preference-applied']).split(', ').at(-1)).toBe('resume=5')
      if (own.some(Boolean)) expect(own).toEqual(['status'])
    })

    test.each(ofOther.map(([surface, accept, body]) => ({ surface, accept, body, path: surface.path })))(
      '$path is not recorded for Accept: $accept and $body',
      async ({ surface, accept, body }) => {
        const model = stage.upstream.script(tokens({ count: 2 }))
        const { status, headers, text } = await readAll(
          read(stage.server, {
            path: surface.path,
            body: { ...surface.body, model, ...body },
            headers: { accept, prefer: 'resume=5' },
          }),
        )
        expect(status).toBe(200)
        expect(headers).not.toHaveProperty('content-location')
        expect(headers['preference-applied'] ?? '').not.toContain('resume')
        expect(text).not.toMatch(idLines)
      },
    )

    test.each([
      ['resume=5', 5],
      ['resume', 60],
      ['resume=""', 60],
      ['resume=60', 60],
      ['resume=61', 60],
      ['resume=99999999999999999999', 60],
      ['RESUME=7', 7],
      ['resume="8"', 8],
      ['resume = 9', 9],
      ['resume=007', 7],
      ['resume=10; a=b', 10],
      ['respond-async, resume=11', 11],
      ['x="a, resume=1", resume=12', 12],
      ['resume=13, resume=14', 13],
      ['resume=0', undefined],
      ['resume=-1', undefined],
      ['resume=1.5', undefined],
      ['resume=1e1', undefined],
      ['resume=0x10', undefined],
      ['resume=soon', undefined],
      ['no-resume=5', undefined],
      ['x="resume=5"', undefined],
      ['x=resume', undefined],
    ])('%s grants %s seconds', async (prefer, seconds) => {
      const { status, headers, text } = await readAll(
        askToResume(stage, stage.upstream.script(tokens({ count: 1 })), { headers: { prefer } }),
      )
      expect(status).toBe(200)
      expect(headers['preference-applied']).toBe(seconds && `resume=${seconds}`)
      expect('content-location' in headers).toBe(seconds !== undefined)
      expect(text.includes('\nid: ')).toBe(seconds !== undefined)
    })

    test('may be in a second Prefer header', async () => {
      const body = JSON.stringify({ model: stage.upstream.script(tokens({ count: 1 })), prompt: 'Hi' })
      const headers = [`Content-Length: ${body.length}`, 'Prefer: status', 'Prefer: resume=6', 'Connection: close']
      const reader = readRaw(stage.server, toPost('/api/generate', body, headers))
      await reader.closed
      expect(reader.text.toLowerCase()).toContain(`\r\npreference-applied: status, resume=6\r\n`)
    })

    test('gives no id to the opening, to heartbeats and to a status, and none of them is replayed', async () => {
      const model = stage.upstream.script(delayed(350, tokens({ count: 2 })))
      const answer = await readAll(askToResume(stage, model, { headers: { prefer: 'status, resume' } }))
      expect(answer.text.match(/^:$/gm)!.length).toBeGreaterThan(2)
      const frames = toFrames(answer.text)
      expect(frames[0]).toMatchObject({ id: undefined, event: 'status' })
      const run = toRunPath(answer)
      const id = run.slice('/streams/'.length)
      expect(frames.slice(1).map(({ id }) => id)).toEqual([`${id}.0`, `${id}.1`, `${id}.2`])
      const replay = await readAll(read(stage.server, { path: run }))
      expect(toFrames(replay.text)).toEqual(frames.slice(1))
    })

    test('each answer has another id', async () => {
      const model = stage.upstream.script(tokens({ count: 1 }))
      const paths = await Promise.all(
        Array.from({ length: 20 }, async () => toRunPath(await readAll(askToResume(stage, model)))),
      )
      expect(new Set(paths).size).toBe(20)
    })

    test('pages of other origins may read its headers, and their preflights may ask for DELETE, Prefer and Last-Event-ID', async () => {
      const origin = 'http://good.test'
      const { headers } = await readAll(
        askToResume(stage, stage.upstream.script(tokens({ count: 1 })), { headers: { origin } }),
      )
      const exposed = String(headers['access-control-expose-headers']).toLowerCase().split(/, ?/)
      expect(exposed).toEqual(expect.arrayContaining(['content-location', 'preference-applied', 'x-request-id']))
      for (const [path, method] of [
        ['/api/chat', 'POST'],
        ['/streams/0', 'GET'],
        ['/streams/0', 'DELETE'],
      ] as const) {
        const asked = { 'access-control-request-method': method, 'access-control-request-headers': 'last-event-id,prefer' }
        const preflight = await readAll(read(stage.server, { path, method: 'OPTIONS', headers: { origin, ...asked } }))
        expect(preflight.status).toBe(204)
        expect(String(preflight.headers['access-control-allow-methods'])).toContain(method)
        expect(preflight.headers['access-control-allow-headers']).toMatch(/^last-event-id, ?prefer$/i)
        const stranger = { origin: 'http://evil.test', ...asked }
        expect((await readAll(read(stage.server, { path, method: 'OPTIONS', headers: stranger }))).status).toBe(403)
      }
    })
  })

  describe('SLUICE_RESUME_MAX_SECONDS=0', () => {
    const stage = useStage(runtime, { SLUICE_RESUME_MAX_SECONDS: '0' })

    test.each(['resume', 'resume=5', 'status, resume=1'])('grants nothing to %s', async (prefer) => {
      const { headers, text } = await readAll(
        askToResume(stage, stage.upstream.script(tokens({ count: 1 })), { headers: { prefer } }),
      )
      expect(headers['preference-applied'] ?? '').not.toContain('resume')
      expect(headers).not.toHaveProperty('content-location')
      expect(text).not.toMatch(idLines)
    })
  })

  describe('SLUICE_RESUME_MAX_SECONDS=7', () => {
    const stage = useStage(runtime, { SLUICE_RESUME_MAX_SECONDS: '7', SLUICE_GRACE_MS: '10000' })

    test('answers that fail before their first frame have their status, and are no run', async () => {
      const { status, headers } = await readAll(askToResume(stage, 'nobody'))
      expect(status).toBe(404)
      expect(headers).not.toHaveProperty('content-location')
      expect(headers).not.toHaveProperty('preference-applied')
    })

    test.each([
      ['resume', 7],
      ['resume=8', 7],
      ['resume=3', 3],
    ])('grants %s no more than that: %s', async (prefer, seconds) => {
      const { headers } = await readAll(
        askToResume(stage, stage.upstream.script(tokens({ count: 1 })), { headers: { prefer } }),
      )
      expect(headers['preference-applied']).toBe(`resume=${seconds}`)
    })
  })
}
