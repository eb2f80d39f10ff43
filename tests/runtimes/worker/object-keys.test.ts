import { expect, test } from 'vitest'
import { createKeyRing } from '../../../src/middleware/key-ring.ts'
import { createObjectKeys } from '../../../src/runtimes/worker/object-keys.ts'

const toKey = (name: string, quota = {}) => ({ name, sha256: name.charCodeAt(0).toString(16).padStart(64, '0'), quota })
const hashOf = (name: string) => Uint8Array.from({ length: 32 }, (_, i) => (i === 31 ? name.charCodeAt(0) : 0))

test('an object counts no requests, and keeps the other limits of a key', () => {
  const keys = createObjectKeys(createKeyRing([toKey('alice', { perMinute: 5, streams: 2 })]))
  expect(keys.find(hashOf('alice'))?.quota).toEqual({ perMinute: 0, streams: 2 })
  expect(keys.get('alice')?.quota).toEqual({ perMinute: 0, streams: 2 })
  expect(keys.find(hashOf('bob'))).toBeUndefined()
})

test('an object hears of the keys that it has asked for, when it looks', async () => {
  const ring = createKeyRing([toKey('alice'), toKey('bob')])
  const keys = createObjectKeys(ring)
  const revoked: string[] = []
  keys.onRevoked((names) => revoked.push(...names))
  keys.get('alice')
  keys.get('nobody')
  ring.replace([])
  expect(revoked).toEqual([])
  await keys.look()
  await keys.look()
  expect(revoked).toEqual(['alice'])
})
