import { expect, test } from 'vitest'
import { readRaw, toPost } from '../runtimes/reader.ts'
import { useStage } from '../runtimes/stage.ts'

// Node only: Bun and workerd have no such limits, what stands in front of them does (docs/protocol.md).
const stage = useStage('node')

/** Sends a byte a second, and tells after how many milliseconds the connection was closed. */
async function trickle(first: string | Uint8Array, next: (count: number) => string): Promise<{ ms: number; text: string }> {
  const startedAt = performance.now()
  const reader = readRaw(stage.server, first)
  let count = 0
  const timer = setInterval(() => void reader.socket.write(next(count++)), 1000)
  await reader.closed
  clearInterval(timer)
  return { ms: performance.now() - startedAt, text: reader.text }
}

test('F26: a head that takes more than 10 s is cut', { timeout: 60_000 }, async () => {
  const { ms, text } = await trickle('POST /api/generate HTTP/1.1\r\nHost: a\r\n', (count) => `X-${count}: y\r\n`)
  expect(ms).toBeGreaterThan(9000)
  expect(ms).toBeLessThan(14_000)
  expect(text).toMatch(/^(HTTP\/1\.1 408|$)/)
})

test('F26: a connection that sends nothing is cut as well', { timeout: 60_000 }, async () => {
  const { ms } = await trickle('', () => '')
  expect(ms).toBeLessThan(14_000)
})

test('F26: a body that takes more than 30 s is cut, and the upstream hears nothing', { timeout: 90_000 }, async () => {
  const before = stage.upstream.requests.length
  const { ms } = await trickle(toPost('/api/generate', '{', ['Content-Length: 1000']), () => ' ')
  expect(ms).toBeGreaterThan(29_000)
  expect(ms).toBeLessThan(34_000)
  expect(stage.upstream.requests.length).toBe(before)
})
