import { expect, test } from 'vitest'
import { ServiceError } from '../../src/errors.ts'
import { createHost } from '../../src/pool/host.ts'
import type { Upstream } from '../../src/upstreams/upstream.ts'

const wants = { model: 'm:latest', context: 0, conversation: undefined, takesPlace: true }

test('a host that refuses ten thousand times, each for an hour, makes no choice of a host slow', () => {
  let time = 0
  const upstream = { ask: () => new Promise(() => {}) } as unknown as Upstream
  const host = createHost(
    { name: 'a', tier: 1, max: 0, weight: 1, upstream },
    { onRoom() {}, onHeard() {}, now: () => time, random: () => 0, waitUntil: undefined },
  )
  const busy = new ServiceError('upstream_busy', '', { upstreamRetryAfterSeconds: 3600 })
  for (let i = 0; i < 10_000; i++) host.enter(wants).leave('left', busy)
  expect(host.toNow(wants, false).busy).toBe(256)
  time = 3_600_001
  expect(host.toNow(wants, false).busy).toBe(0)
})
