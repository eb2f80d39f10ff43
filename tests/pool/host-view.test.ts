import { expect, test } from 'vitest'
import { createHost } from '../../src/pool/host.ts'
import type { Upstream } from '../../src/upstreams/upstream.ts'

test('a host that says that a million models are in memory, or one with an endless name, is not shown with all', async () => {
  const names = ['n'.repeat(100_000), ...Array.from({ length: 10_000 }, (_, i) => `m${i}:latest`)]
  const upstream: Upstream = {
    generate: () => Promise.reject(new Error('not asked')),
    ask: async () => ({ text: '', value: { models: names.map((name) => ({ name })) } }),
    blob: async () => {},
  }
  const host = createHost(
    { name: 'a', tier: 1, max: 0, weight: 1, upstream },
    { onRoom() {}, onHeard() {}, now: () => 0, random: () => 0, waitUntil: undefined },
  )
  host.refresh()
  await expect.poll(() => host.toView().loaded.length).toBe(100)
  expect(host.toView().loaded).toEqual(names.slice(1, 101))
})
