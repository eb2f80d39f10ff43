import { expect, test } from 'vitest'
import { createHost } from '../../src/pool/host.ts'
import { choose } from '../../src/pool/choose.ts'
import type { Upstream } from '../../src/upstreams/upstream.ts'

const upstream: Upstream = {
  generate: () => Promise.reject(new Error('not asked')),
  async ask({ about }) {
    const models = Array.from({ length: 50 }, (_, i) => ({ name: `m${i}:latest`, context_length: 8192 }))
    return { text: '', value: about === 'tags' || about === 'ps' ? { models } : {} }
  },
  blob: async () => {},
}

test('to choose one of ten hosts takes 5 µs at most', async () => {
  const options = { onRoom() {}, onHeard() {}, waitUntil: undefined, now: () => performance.now(), random: Math.random }
  const hosts = Array.from({ length: 10 }, (_, i) =>
    createHost({ name: `host-${i}`, tier: 1, max: 4, weight: 1 + (i % 3), upstream }, options),
  )
  for (const host of hosts) host.refresh()
  await new Promise(setImmediate)
  const toMicros = (count: number) => {
    const startedAt = performance.now()
    for (let i = 0; i < count; i++) {
      const wants = { model: `m${i % 50}:latest`, context: 4096, conversation: i, takesPlace: true }
      const choice = choose(
        hosts.map((host) => host.toNow(wants, false)),
        Math.random,
      )
      if (typeof choice === 'string') throw new Error(choice)
    }
    return ((performance.now() - startedAt) * 1000) / count
  }
  toMicros(20_000)
  const best = Math.min(...Array.from({ length: 5 }, () => toMicros(10_000)))
  expect(best).toBeLessThan(5)
})
