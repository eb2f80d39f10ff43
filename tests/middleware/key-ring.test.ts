import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createKeyRing, type RingKey } from '../../src/middleware/key-ring.ts'

const hashOf = (secret: string) => new Uint8Array(createHash('sha256').update(secret).digest())
const toKey = (name: string, secret = name, expiresAt?: number): RingKey => ({
  name,
  sha256: Buffer.from(hashOf(secret)).toString('hex'),
  expiresAt,
})

function create(keys: readonly RingKey[]) {
  const clock = { now: 1000 }
  const ring = createKeyRing(keys, () => clock.now)
  const revoked: string[][] = []
  ring.onRevoked((names) => revoked.push([...names].toSorted()))
  return { ring, clock, revoked }
}

describe('a ring', () => {
  test('finds a key by the hash of its secret, and by its name', () => {
    const { ring } = create([toKey('alice'), toKey('bob')])
    expect(ring.find(hashOf('bob'))).toMatchObject({ name: 'bob' })
    expect(ring.find(hashOf('carl'))).toBeUndefined()
    expect([ring.get('alice')?.name, ring.get('carl')]).toEqual(['alice', undefined])
  })

  test('reports the keys that are gone, once', () => {
    const { ring, revoked } = create([toKey('alice'), toKey('bob'), toKey('carl')])
    ring.replace([toKey('bob'), toKey('dora')])
    expect(revoked).toEqual([['alice', 'carl']])
    ring.replace([toKey('bob'), toKey('dora')])
    ring.look()
    expect(revoked).toHaveLength(1)
    expect(ring.find(hashOf('alice'))).toBeUndefined()
  })

  test('does not report a name that has another secret', () => {
    const { ring, revoked } = create([toKey('alice')])
    ring.replace([toKey('alice', 'another')])
    expect(revoked).toEqual([])
    expect(ring.find(hashOf('alice'))).toBeUndefined()
    expect(ring.find(hashOf('another'))).toMatchObject({ name: 'alice' })
  })

  test('reports a key that expires at the next look, and finds it still', () => {
    const { ring, clock, revoked } = create([toKey('old', 'old', 1000), toKey('soon', 'soon', 2000), toKey('always')])
    expect(ring.get('old')).toBeUndefined()
    clock.now = 1999
    ring.look()
    expect([revoked, ring.get('soon')?.name]).toEqual([[], 'soon'])
    clock.now = 2000
    expect(ring.get('soon')).toBeUndefined()
    expect(revoked).toEqual([])
    ring.look()
    ring.look()
    expect(revoked).toEqual([['soon']])
    expect(ring.isExpired(ring.find(hashOf('soon'))!)).toBe(true)
  })

  test('knows a key again whose time was made longer', () => {
    const { ring, clock, revoked } = create([toKey('soon', 'soon', 2000)])
    ring.replace([toKey('soon', 'soon', 3000)])
    clock.now = 2500
    ring.look()
    expect([revoked, ring.get('soon')?.name]).toEqual([[], 'soon'])
  })

  test('in any history, reports exactly the names that were valid and are not any more', () => {
    const names = ['a', 'b', 'c']
    const entry = fc.record({
      name: fc.constantFrom(...names),
      secret: fc.constantFrom('x', 'y'),
      expiresAt: fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined }),
    })
    const step = fc.oneof(fc.uniqueArray(entry, { selector: ({ name }) => name }), fc.integer({ min: 1, max: 5 }))
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        let now = 0
        let keys: readonly RingKey[] = []
        const isValid = (name: string) => keys.some((key) => key.name === name && (key.expiresAt ?? Infinity) > now)
        const ring = createKeyRing([], () => now)
        const revoked = new Set<string>()
        ring.onRevoked((gone) => gone.forEach((name) => revoked.add(name)))
        for (const one of steps) {
          revoked.clear()
          const before = names.filter(isValid)
          if (typeof one === 'number') now += one
          else {
            keys = one.map(({ name, secret, expiresAt }) => toKey(name, name + secret, expiresAt))
            ring.replace(keys)
          }
          ring.look()
          expect([...revoked].toSorted()).toEqual(before.filter((name) => !isValid(name)))
          expect(names.filter((name) => ring.get(name))).toEqual(names.filter(isValid))
        }
      }),
    )
  })
})
