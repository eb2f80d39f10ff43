import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { toDoneLine } from '#fake-ollama/ollama-lines.ts'
import { delayed, pause, replay, silent, thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Script, type Upstream } from '#fake-ollama/upstream.ts'
import { framings, generate, read, readAll, toSseEvents, toTold, type Framing } from '../reader.ts'
import { startServer, type Server, type ServerName } from '../server.ts'

const off = {
  SLUICE_GRACE_MS: '0',
  SLUICE_FIRST_TOKEN_TIMEOUT_MS: '0',
  SLUICE_IDLE_TIMEOUT_MS: '0',
  SLUICE_TOTAL_TIMEOUT_MS: '0',
  SLUICE_STALL_TIMEOUT_MS: '0',
}
const firstAndIdle = { ...off, SLUICE_FIRST_TOKEN_TIMEOUT_MS: '600', SLUICE_IDLE_TIMEOUT_MS: '400' }
const total = { ...off, SLUICE_TOTAL_TIMEOUT_MS: '700' }

/**
 * The settings of the servers. With a grace of 100 ms, SSE commits before every deadline. With a
 * long grace, every deadline passes before SSE commits.
 */
const settings = {
  off: { ...off, SLUICE_HEARTBEAT_MS: '200' },
  'first and idle': { ...firstAndIdle, SLUICE_GRACE_MS: '100' },
  'first and idle, long grace': { ...firstAndIdle, SLUICE_GRACE_MS: '10000' },
  total: { ...total, SLUICE_GRACE_MS: '100' },
  'total, long grace': { ...total, SLUICE_GRACE_MS: '10000' },
  tools: { ...off, SLUICE_FIRST_TOKEN_TIMEOUT_MS: '1500', SLUICE_IDLE_TIMEOUT_MS: '300' },
  slowHeart: { ...off, SLUICE_HEARTBEAT_MS: '1500' },
  grace: { ...off, SLUICE_GRACE_MS: '500', SLUICE_HEARTBEAT_MS: '60000' },
}
type Setting = keyof typeof settings

/** Sends a token, waits, and sends the done line. */
function pausing(ms: number): Script {
  return async (exchange) => {
    void thenSilent(1)(exchange)
    await pause(exchange, ms)
    exchange.chunk(`${toDoneLine(exchange.request, 1)}\n`)
    exchange.end()
  }
}

/** Timers of two processes may differ a little. */
const toleranceMs = 20

interface Deadline {
  name: string
  setting: Setting
  script: Script
  code: string
  /** The deadline passes no earlier than this, counted from the request. */
  limitMs: number
  /** The framings that have committed when the deadline passes. Their status is already 200. */
  committed: readonly Framing[]
  text: string | RegExp
}

const deadlines: Deadline[] = [
  {
    name: 'no token in time',
    setting: 'first and idle',
    script: silent(),
    code: 'first_token_timeout',
    limitMs: 600,
    committed: ['sse'],
    text: '',
  },
  {
    name: 'no token in time, and no opening before',
    setting: 'first and idle, long grace',
    script: silent(),
    code: 'first_token_timeout',
    limitMs: 600,
    committed: [],
    text: '',
  },
  {
    name: 'no token in time, but headers',
    setting: 'first and idle',
    script: thenSilent(0),
    code: 'first_token_timeout',
    limitMs: 600,
    committed: ['sse'],
    text: '',
  },
  {
    name: 'silence between tokens',
    setting: 'first and idle',
    script: thenSilent(2),
    code: 'idle_timeout',
    limitMs: 400,
    committed: ['sse', 'ndjson'],
    text: ' token token',
  },
  {
    name: 'tokens without end',
    setting: 'total',
    script: tokens({ count: 1e6, perSecond: 20 }),
    code: 'total_timeout',
    limitMs: 700,
    committed: ['sse', 'ndjson'],
    text: /^(?: token)+$/,
  },
  {
    name: 'no token at all within the whole time',
    setting: 'total',
    script: silent(),
    code: 'total_timeout',
    limitMs: 700,
    committed: ['sse'],
    text: '',
  },
  {
    name: 'no token at all within the whole time, and no opening before',
    setting: 'total, long grace',
    script: silent(),
    code: 'total_timeout',
    limitMs: 700,
    committed: [],
    text: '',
  },
]

export function describeDeadlines(name: ServerName) {
  // These tests mostly wait, so they run at the same time.
  describe.concurrent('deadlines', () => {
    let upstream: Upstream
    let servers: Record<Setting, Server>

    beforeAll(async () => {
      upstream = await startUpstream()
      const started = Object.entries(settings).map(
        async ([setting, env]) => [setting, await startServer(name, { OLLAMA_HOST: upstream.url, ...env })] as const,
      )
      servers = Object.fromEntries(await Promise.all(started)) as Record<Setting, Server>
    })
    afterAll(async () => {
      await vi.waitUntil(() => upstream.open === 0, { timeout: 2000 })
      await Promise.all(Object.values(servers).map((server) => server.stop()))
      await upstream.close()
    })

    test.each(deadlines)('$name ($setting): $code in every framing, and the upstream is closed', async (deadline) => {
      await Promise.all(
        framings.map(async (framing) => {
          const model = upstream.script(deadline.script)
          const sentAt = performance.now()
          const reader = generate(servers[deadline.setting], framing, model)
          const { exchange } = await upstream.next(model)
          const { status, text, ended } = await readAll(reader)
          const tookMs = performance.now() - sentAt
          await exchange.closedByReader

          expect(ended).toBe('clean')
          if (deadline.committed.includes(framing)) {
            const told = toTold(framing, text)
            expect([status, told.failed?.code], framing).toEqual([200, deadline.code])
            expect(told.text).toMatch(deadline.text)
            if (deadline.text === '') expect(told.text).toBe('')
          } else expect([status, (JSON.parse(text) as { code: string }).code], framing).toEqual([504, deadline.code])
          expect(tookMs).toBeGreaterThan(deadline.limitMs - toleranceMs)
          expect(tookMs).toBeLessThan(deadline.limitMs + 2500)
        }),
      )
    })

    describe('with tools in the request', () => {
      const tool = { type: 'function', function: { name: 'look', parameters: {} } }
      const ask = (framing: Framing, model: string, tools: object[]) => {
        const messages = [{ role: 'user', content: 'Hi' }]
        return readAll(generate(servers.tools, framing, { model, messages, tools }, { path: '/api/chat' }))
      }

      test.each(['sse', 'ndjson'] as const)(
        'a silence beyond the idle limit is allowed, as the model may compose a call: %s',
        async (framing) => {
          const { text } = await ask(framing, upstream.script(pausing(900)), [tool])
          expect(toTold(framing, text)).toMatchObject({ text: ' token', failed: undefined })
        },
      )

      test.each(['sse', 'ndjson'] as const)('a silence beyond the first-token limit is idle_timeout: %s', async (framing) => {
        const sentAt = performance.now()
        const { text } = await ask(framing, upstream.script(thenSilent(1)), [tool])
        expect(toTold(framing, text).failed?.code).toBe('idle_timeout')
        expect(performance.now() - sentAt).toBeGreaterThan(1500 - toleranceMs)
      })

      test.each(['sse', 'ndjson'] as const)('an empty list of tools does not extend the idle limit: %s', async (framing) => {
        const { text } = await ask(framing, upstream.script(pausing(900)), [])
        expect(toTold(framing, text).failed?.code).toBe('idle_timeout')
      })
    })

    test.each(framings)('a setting of 0 disables the deadline: %s', async (framing) => {
      const { status, text } = await readAll(generate(servers.off, framing, upstream.script(delayed(800, pausing(800)))))
      const told = toTold(framing, text)
      expect([status, told.text, told.failed]).toEqual([200, ' token', undefined])
    })

    describe('grace', () => {
      const failing = replay('error-bad-format')

      test.each(framings)('a failure before the end of the grace has its real status: %s', async (framing) => {
        const { status, text } = await readAll(generate(servers.grace, framing, upstream.script(delayed(50, failing))))
        expect([status, (JSON.parse(text) as { code: string }).code]).toEqual([502, 'upstream_failed'])
      })

      test('a failure after the end of the grace is an event in a 200, behind the opening', async () => {
        const { status, text } = await readAll(generate(servers.grace, 'sse', upstream.script(delayed(1000, failing))))
        expect(status).toBe(200)
        expect(text).toMatch(/^:\nevent: failed\ndata: \{.+\}\n\n$/)
        expect(toTold('sse', text).failed?.code).toBe('upstream_failed')
      })

      test.each(['ndjson', 'folded'] as const)(
        'only SSE has a grace: %s has a real status until its first line',
        async (framing) => {
          const { status } = await readAll(generate(servers.grace, framing, upstream.script(delayed(1000, failing))))
          expect(status).toBe(502)
        },
      )

      test('the end of the grace sends the opening and nothing else', async () => {
        const sentAt = performance.now()
        const model = upstream.script(silent())
        const reader = generate(servers.grace, 'sse', model)
        const { status, headers } = await reader.head
        expect([status, headers['content-type']]).toEqual([200, 'text/event-stream'])
        await reader.until((text) => text !== '')
        expect(performance.now() - sentAt).toBeGreaterThan(500 - toleranceMs)
        expect(reader.text).toBe(':\n')
        // The upstream ends this stream. If the reader disconnected instead, workerd would notice
        // it only at the next heartbeat, which comes after a minute here.
        upstream.requestsFor(model)[0]!.exchange.fin()
        await reader.ended
      })

      test('a token before the end of the grace opens the stream', async () => {
        const sentAt = performance.now()
        const reader = generate(servers['first and idle, long grace'], 'sse', upstream.script(thenSilent(1)))
        await reader.until((text) => text.startsWith(':\ndata: {'))
        expect(performance.now() - sentAt).toBeLessThan(5000)
        await reader.ended
      })

      test('a grace of 0 sends the opening at once', async () => {
        const reader = generate(servers.off, 'sse', upstream.script(silent()))
        await reader.until((text) => text.startsWith(':\n'))
        reader.leave()
        await reader.ended
      })
    })

    describe('heartbeats', () => {
      const heartbeatMs = 200

      test.each([
        { path: '/api/generate', body: { prompt: 'Hi' } },
        { path: '/api/chat', body: { messages: [] } },
        { path: '/chat', body: { text: 'Hi' } },
      ])('$path: a comment of one line after each silence, and no event for a reader', async ({ path, body }) => {
        const sentAt = performance.now()
        const model = upstream.script(thenSilent(1))
        const reader = read(servers.off, { path, body: { ...body, model } })
        await reader.until((text) => text.endsWith(':\n'.repeat(4)))
        const [, heartbeats] = reader.text.split('\n\n')
        expect(heartbeats).toMatch(/^(?::\n){4,}$/)
        expect(performance.now() - sentAt).toBeGreaterThan(4 * 0.9 * heartbeatMs - toleranceMs)
        expect(toSseEvents(reader.text)).toHaveLength(1)
        reader.leave()
        await reader.ended
      })

      test('streams that fall silent together do not all get heartbeats in one tick', async () => {
        const silences = Array.from({ length: 10 }, async () => {
          const reader = generate(servers.slowHeart, 'sse', upstream.script(thenSilent(1)))
          await reader.until((text) => text.endsWith('\n\n'))
          const since = performance.now()
          await reader.until((text) => text.endsWith('\n\n:\n'))
          const ms = performance.now() - since
          reader.leave()
          await reader.ended
          return ms
        })
        const ms = await Promise.all(silences)
        // Sluice shortens the heartbeat interval of each stream by another time, at most 150 ms.
        expect(Math.max(...ms) - Math.min(...ms)).toBeGreaterThan(50)
      })

      test('come before the first token too', async () => {
        const reader = generate(servers.off, 'sse', upstream.script(silent()))
        await reader.until((text) => text === ':\n'.repeat(4))
        reader.leave()
        await reader.ended
      })

      test.each(['ndjson', 'folded'] as const)('are never sent in %s', async (framing) => {
        const { text } = await readAll(generate(servers.off, framing, upstream.script(pausing(4 * heartbeatMs))))
        expect(text.split('\n').filter((line) => line === '')).toHaveLength(framing === 'ndjson' ? 1 : 0)
        expect(text).not.toContain(':\n')
        expect(toTold(framing, text)).toMatchObject({ text: ' token', failed: undefined })
      })
    })
  })
}
