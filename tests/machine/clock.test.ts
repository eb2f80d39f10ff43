import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { silent, thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Script, type Upstream } from '#fake-ollama/upstream.ts'
import { generate, readAll, toTold } from '../runtimes/reader.ts'
import { startServer, type Server } from '../runtimes/server.ts'
import { createWallClock, type WallClock } from './wall-clock.ts'

const hour = 3600
const heartbeatMs = 200
const limits = { first_token_timeout: 1500, idle_timeout: 1200, total_timeout: 2500 }

/** Tolerances: timers of two processes differ a little, and the machine may be busy. */
const earlyMs = 20
const lateMs = 800

describe.each(['node', 'bun'] as const)('F31: %s, when the clock on the wall jumps', (runtime) => {
  let upstream: Upstream
  let server: Server
  let clock: WallClock

  beforeEach(async () => {
    clock = createWallClock()
    upstream = await startUpstream()
    server = await startServer(runtime, {
      OLLAMA_HOST: upstream.url,
      SLUICE_GRACE_MS: '100',
      SLUICE_HEARTBEAT_MS: `${heartbeatMs}`,
      SLUICE_FIRST_TOKEN_TIMEOUT_MS: `${limits.first_token_timeout}`,
      SLUICE_IDLE_TIMEOUT_MS: `${limits.idle_timeout}`,
      SLUICE_TOTAL_TIMEOUT_MS: `${limits.total_timeout}`,
      ...clock.env,
    })
  })
  afterEach(async () => {
    await server.stop()
    await upstream.close()
    clock.remove()
  })

  /** Moves the clock in the middle of an answer, and returns how long the whole answer took. */
  async function jumpWithin(script: Script, offsetSeconds: number) {
    const model = upstream.script(script)
    const startedAt = performance.now()
    const reader = generate(server, 'sse', model)
    await reader.until((text) => text.includes(':\n'))
    clock.set(offsetSeconds)
    const { text } = await readAll(reader)
    return { text, code: toTold('sse', text).failed?.code, tookMs: performance.now() - startedAt }
  }

  const scripts: [keyof typeof limits, Script][] = [
    ['first_token_timeout', silent()],
    ['idle_timeout', thenSilent(1)],
    ['total_timeout', tokens({ count: 1e6, perSecond: 20 })],
  ]
  describe.each([hour, -hour])('by %d s', (offset) => {
    test.each(scripts)('%s and the heartbeats come neither early nor late', async (code, script) => {
      const told = await jumpWithin(script, offset)
      expect(told.code).toBe(code)
      expect(told.tookMs).toBeGreaterThan(limits[code] - earlyMs)
      expect(told.tookMs).toBeLessThan(limits[code] + lateMs)
      // Sluice sends SSE comments at the opening and during silence, but not while tokens arrive.
      const silentMs = code === 'total_timeout' ? 0 : limits[code]
      const comments = told.text.split('\n').filter((line) => line === ':').length
      expect(comments).toBeGreaterThanOrEqual(Math.floor(silentMs / heartbeatMs) - 2)
      expect(comments).toBeLessThanOrEqual(Math.ceil(silentMs / heartbeatMs) + 1)

      await expect.poll(() => server.output()).toContain('"duration_ms"')
      const line = JSON.parse(
        server
          .output()
          .split('\n')
          .find((line) => line.startsWith('{'))!,
      ) as {
        time: string
        duration_ms: number
      }
      expect(line.duration_ms).toBeGreaterThan(limits[code] - earlyMs)
      expect(line.duration_ms).toBeLessThan(limits[code] + lateMs)
      // The clock did jump.
      expect(Math.abs(Date.parse(line.time) - Date.now() - offset * 1000)).toBeLessThan(60_000)
      expect(server.errors()).toBe('')
    })
  })

  test('back and forth, a stream continues', async () => {
    const reader = generate(server, 'sse', upstream.script(tokens({ count: 20, perSecond: 20 })))
    for (const offset of [hour, -hour, 0]) {
      const count = reader.byteCount
      await reader.until(() => reader.byteCount > count)
      clock.set(offset)
    }
    const { text } = await readAll(reader)
    expect(toTold('sse', text)).toMatchObject({ text: ' token'.repeat(20), failed: undefined })
  })
})
