import { describe, expect, test } from 'vitest'
import { createHash } from 'node:crypto'
import { createKeyRing } from '../../src/middleware/key-ring.ts'
import { createKeyPrincipal, sha256OfWebCrypto } from '../../src/middleware/keys.ts'

const toKey = (name: string, expiresAt?: number) => ({
  name,
  sha256: createHash('sha256').update(`secret of ${name}`.replaceAll(' ', '-')).digest('hex'),
  expiresAt,
})
const bearer = (name: string) => `Bearer secret-of-${name}`

function create(now = 1000) {
  const clock = { now }
  const ring = createKeyRing([toKey('alice'), toKey('old', 1000), toKey('bob', 2000)], () => clock.now)
  const toPrincipal = createKeyPrincipal({ ring, sha256: sha256OfWebCrypto })
  const ask = async (headers: Readonly<Record<string, string>>) => toPrincipal(new Request('http://localhost', { headers }))
  return { ring, clock, ask }
}

describe('the caller', () => {
  test('is the key whose secret the request has', async () => {
    const { ask } = create()
    expect(await ask({ authorization: bearer('alice') })).toMatchObject({ name: 'alice' })
    expect(await ask({ 'x-api-key': 'secret-of-bob' })).toMatchObject({ name: 'bob' })
  })

  test('hears that the key has expired only if it has the secret', async () => {
    const { ask, clock } = create()
    const expired = { code: 'unauthorized', message: 'This key has expired; ask for a new one' }
    await expect(ask({ authorization: bearer('old') })).rejects.toMatchObject(expired)
    await expect(ask({ authorization: 'Bearer old' })).rejects.toMatchObject({
      message: 'This key is not known here; check it',
    })
    clock.now = 2000
    await expect(ask({ authorization: bearer('bob') })).rejects.toMatchObject(expired)
  })

  test('may send an expired key beside a valid one', async () => {
    const { ask } = create()
    expect(await ask({ authorization: bearer('old'), 'x-api-key': 'secret-of-alice' })).toMatchObject({ name: 'alice' })
  })

  test('of an expired key makes the ring look, so that its answers end where no timer runs', async () => {
    const { ask, ring, clock } = create()
    const revoked: string[] = []
    ring.onRevoked((names) => revoked.push(...names))
    clock.now = 2000
    await ask({ authorization: bearer('alice') })
    expect(revoked).toEqual(['bob'])
  })

  test('is nobody in particular if there is no ring', async () => {
    const toPrincipal = createKeyPrincipal({ ring: undefined, sha256: sha256OfWebCrypto })
    expect(await toPrincipal(new Request('http://localhost'))).toEqual({ name: '' })
  })

  test('is unknown if the ring is empty', async () => {
    const toPrincipal = createKeyPrincipal({ ring: createKeyRing([]), sha256: sha256OfWebCrypto })
    const request = new Request('http://localhost', { headers: { authorization: bearer('alice') } })
    await expect(toPrincipal(request)).rejects.toMatchObject({ code: 'unauthorized' })
  })
})
