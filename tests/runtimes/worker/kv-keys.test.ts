import { describe, expect, test } from 'vitest'
import { createKvRing, isKvNamespace } from '../../../src/runtimes/worker/kv-keys.ts'

const toText = (...names: readonly string[]) =>
  JSON.stringify({ keys: names.map((name, i) => ({ name, sha256: `${i}`.padStart(64, '0') })) })

/** A namespace with one value. `undefined` means that it cannot be read. */
function create(value: string | null | undefined) {
  const kv = { value, reads: 0 }
  const clock = { now: 0 }
  const lines: string[] = []
  const namespace = {
    async get(key: string) {
      kv.reads++
      expect(key).toBe('keys.json')
      if (kv.value === undefined) throw new Error('KV is away')
      return kv.value
    },
  }
  const ring = createKvRing({ namespace, write: (line) => lines.push(line), time: () => clock.now })
  const revoked: string[] = []
  ring.onRevoked((names) => revoked.push(...names))
  return { kv, clock, lines, ring, revoked }
}

describe('the keys of a KV namespace', () => {
  test('are read by the first request, and again by the first one after 30 s', async () => {
    const { kv, clock, ring, revoked, lines } = create(toText('alice', 'bob'))
    await ring.look()
    expect(ring.get('alice')).toMatchObject({ name: 'alice' })
    kv.value = toText('bob')
    clock.now = 29_999
    expect(ring.look()).toBeUndefined()
    expect([kv.reads, revoked]).toEqual([1, []])
    clock.now = 30_000
    await ring.look()
    expect([kv.reads, revoked, ring.get('alice')]).toEqual([2, ['alice'], undefined])
    expect(lines).toEqual([])
  })

  test('are read by every first request, because none may wait for another one', async () => {
    const { kv, ring } = create(toText('alice'))
    await Promise.all([ring.look(), ring.look()])
    expect(kv.reads).toBe(2)
  })

  test('are the old ones while one request reads the new ones', async () => {
    const { kv, clock, ring } = create(toText('alice'))
    await ring.look()
    clock.now = 30_000
    const looked = ring.look()
    expect(ring.look()).toBeUndefined()
    expect(ring.get('alice')).toBeDefined()
    await looked
    expect(kv.reads).toBe(2)
  })

  test.each([
    ['has mistakes', '{"keys":[5]}', 'API_KEYS: keys.json key 1: must be an object'],
    ['is missing', null, 'API_KEYS: keys.json is missing'],
    ['cannot be read', undefined, 'API_KEYS: keys.json cannot be read'],
  ])('that %s: the first requests get misconfigured, and later ones the old keys', async (_name, value, line) => {
    const { kv, clock, ring, lines } = create(value)
    for (let i = 0; i < 2; i++)
      await expect(ring.look()).rejects.toMatchObject({
        code: 'misconfigured',
        message: `The keys of this Worker have mistakes: ${line}`,
      })
    kv.value = toText('alice')
    await ring.look()
    expect([ring.get('alice')?.name, lines]).toEqual(['alice', [line]])
    kv.value = value
    for (let i = 0; i < 3; i++) {
      clock.now += 30_000
      await ring.look()
    }
    expect([ring.get('alice')?.name, lines]).toEqual(['alice', [line, line]])
  })
})

test('a namespace is told from the other bindings', () => {
  expect(isKvNamespace({ get() {}, getWithMetadata() {} })).toBe(true)
  for (const other of [undefined, null, 'text', { get() {}, newUniqueId() {} }]) expect(isKvNamespace(other)).toBe(false)
})
