import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { checks } from '../../src/store/redis/checks.ts'
import { refusalOf, startServer } from '../runtimes/server.ts'
import { answering, startFakeServer } from './fake-server.ts'
import { startRedis, type RedisServerOptions } from './redis-server.ts'

const secret = 'canary7f3a'
const certificate = fileURLToPath(new URL('../fixtures/tls/cert.pem', import.meta.url))
const key = fileURLToPath(new URL('../fixtures/tls/key.pem', import.meta.url))

async function useRedis(options?: RedisServerOptions) {
  const redis = await startRedis(options)
  onTestFinished(redis.stop)
  return redis
}

/** Starts a server that is no Redis. Returns its URL. */
async function useFake(serve: Parameters<typeof startFakeServer>[0]): Promise<string> {
  const fake = await startFakeServer(serve)
  onTestFinished(fake.close)
  return `redis://127.0.0.1:${fake.port}`
}

/** A user of Redis with the password `secret`. `rules` are its rights. */
async function useUser(...rules: string[]): Promise<string> {
  const redis = await useRedis()
  await redis.command('ACL', 'SETUSER', 'alice', 'on', `>${secret}`, ...rules)
  return `redis://alice:${secret}@127.0.0.1:${redis.port}`
}

async function useTls() {
  const redis = await useRedis()
  await redis.command('CONFIG', 'SET', 'tls-cert-file', certificate, 'tls-key-file', key, 'tls-auth-clients', 'no')
  const { port, close } = await startFakeServer(() => {})
  await close()
  await redis.command('CONFIG', 'SET', 'tls-port', `${port}`)
  return port
}

/** Returns the block of docs/scale.md in this language. */
function toBlock(language: string): string {
  const [, block = ''] =
    new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(readFileSync('docs/scale.md', 'utf8')) ?? []
  return block
}

/** The rights of docs/scale.md. */
const [, documented = ''] = /^ACL SETUSER sluice on >PASSWORD (.+)$/m.exec(toBlock('redis')) ?? []

test('docs/scale.md names the commands that Sluice sends, and no others', () => {
  const names = new Set([...checks.map(([name = '']) => name), 'SUBSCRIBE', 'PING'])
  expect(documented.split(' ')).toEqual([
    '~sluice:*',
    '&sluice:*',
    '-@all',
    ...[...names].map((name) => `+${name.toLowerCase()}`),
  ])
})

/** The settings of docs/scale.md, as arguments of redis-server. */
const settings = toBlock('conf')
  .trim()
  .split('\n')
  .flatMap((line) => line.split(' '))
  .map((word, i) => (i % 2 === 0 ? `--${word}` : word.replace('""', '')))

test('the checks have every command of src/store', async () => {
  const all = (await (await useRedis()).command('COMMAND', 'LIST')) as string[]
  const sources = globSync('src/store/redis/*.ts').map((file) => readFileSync(file, 'utf8'))
  const words = new Set([...sources.join('\n').matchAll(/'([A-Z]{3,})'/g)].map(([, word = '']) => word))
  const used = [...words].filter((word) => all.includes(word.toLowerCase()))
  expect(used).toContain('XADD')
  expect(used.filter((word) => !checks.some(([name]) => name === word))).toEqual([])
})

describe.each(['node', 'bun', 'deno'] as const)('%s', (runtime) => {
  const start = async (url: string, env: Record<string, string> = {}) => {
    const server = await startServer(runtime, { SLUICE_DEMO: '1', SLUICE_LOG: 'silent', SLUICE_REDIS_URL: url, ...env })
    onTestFinished(server.stop)
    const toStore = async () => ((await (await fetch(`${server.url}/readyz`)).json()) as { store: string }).store
    return { ...server, toStore }
  }

  describe('does not start, and says why in one line without the address, if Redis', () => {
    const cases: [name: string, toUrl: () => Promise<string>, says: string][] = [
      [
        'wants another password',
        async () => `redis://:${secret}@127.0.0.1:${(await useRedis({ password: 'other' })).port}`,
        'WRONGPASS invalid username-password pair or user is disabled; check the user and the password',
      ],
      [
        'wants a password',
        async () => `redis://127.0.0.1:${(await useRedis({ password: 'other' })).port}`,
        'NOAUTH Authentication required; put the password into the URL',
      ],
      [
        'knows no password',
        async () => `redis://:${secret}@127.0.0.1:${(await useRedis()).port}`,
        'ERR AUTH <password> called without any password configured for the default user',
      ],
      [
        'does not know the database',
        async () => `redis://127.0.0.1:${(await useRedis()).port}/99`,
        'ERR DB index is out of range; check the URL',
      ],
      ...[...new Set(checks.map(([name = '']) => name.toLowerCase()))].map(
        (name) =>
          [
            `does not let the user ${name}`,
            () => useUser('~sluice:*', '&sluice:*', '+@all', `-${name}`),
            `NOPERM this user has no permissions to run the '${name}' command; docs/scale.md`,
          ] as [string, () => Promise<string>, string],
      ),
      [
        'does not let the user subscribe',
        () => useUser('~sluice:*', '&sluice:*', '+@all', '-subscribe'),
        `NOPERM this user has no permissions to run the 'subscribe' command`,
      ],
      ['does not let the user at our keys', () => useUser('~other:*', '&sluice:*', '+@all'), 'NOPERM'],
      ['does not let the user at our channels', () => useUser('~sluice:*', '&other:*', '+@all'), 'NOPERM'],
      [
        'is a replica',
        async () => (await useRedis({ replicaOf: await useRedis() })).url,
        "READONLY You can't write against a read only replica; name the primary in the URL",
      ],
      [
        'is a part of a cluster',
        async () => {
          const folder = mkdtempSync(`${tmpdir()}/sluice-redis-`)
          onTestFinished(() => rmSync(folder, { recursive: true }))
          return (await useRedis({ args: ['--cluster-enabled', 'yes', '--dir', folder] })).url
        },
        'CLUSTERDOWN Hash slot not served; name a Redis that is no part of a cluster',
      ],
      [
        'is too old',
        () => useFake(answering('-ERR Invalid stream ID specified as stream command argument')),
        'ERR Invalid stream ID specified as stream command argument; Sluice needs Redis 6.2 or a later version',
      ],
      [
        'is a web server',
        async () => {
          const server = createHttpServer().listen(0, '127.0.0.1')
          await new Promise((resolve) => server.once('listening', resolve))
          onTestFinished(() => void server.close())
          return `redis://127.0.0.1:${(server.address() as { port: number }).port}`
        },
        'its answers are not those of a Redis; check the port',
      ],
      ['greets in another language', () => useFake((socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n')), 'its answers are not'],
      ['repeats our words', () => useFake((socket) => socket.pipe(socket)), 'its answers are not those of a Redis'],
      ['is glad about everything', () => useFake(answering('+OK')), 'its answers are not those of a Redis'],
      ['answers nonsense', () => useFake(answering('\u0000\u0001\u0002')), 'its answers are not those of a Redis'],
      [
        'speaks no TLS',
        async () => (await useFake((socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n'))).replace('redis:', 'rediss:'),
        'it does not speak TLS; use redis://',
      ],
      [
        'has a certificate that nobody vouches for',
        async () => `rediss://127.0.0.1:${await useTls()}`,
        'its certificate is not valid',
      ],
    ]

    test.each(cases)('%s', async (_, toUrl, says) => {
      const url = await toUrl()
      const said = await refusalOf(runtime, { SLUICE_DEMO: '1', SLUICE_REDIS_URL: url })
      expect(said).toMatch(/it ended with 1\nCannot start: SLUICE_REDIS_URL: Redis cannot be used: [^\n]+\n$/)
      expect(said).toContain(says)
      for (const part of [secret, 'alice', '127.0.0.1', new URL(url).port]) expect(said).not.toContain(part)
    })
  })

  test('starts with a user that has only the rights of docs/scale.md', async () => {
    const url = await useUser(...documented.split(' '))
    expect(await (await start(url)).toStore()).toBe('up')
  })

  test('starts with the Redis of docs/scale.md, which keeps nothing on disk', async () => {
    const redis = await useRedis({ args: settings })
    for (const [name, value] of [
      ['maxmemory', `${512 * 2 ** 20}`],
      ['maxmemory-policy', 'noeviction'],
      ['save', ''],
      ['appendonly', 'no'],
    ] as const)
      expect(await redis.command('CONFIG', 'GET', name)).toEqual([name, value])
    expect(await (await start(redis.url)).toStore()).toBe('up')
  })

  test('starts in another database, if the user may select it', async () => {
    const url = await useUser(...documented.split(' '))
    expect(await refusalOf(runtime, { SLUICE_DEMO: '1', SLUICE_REDIS_URL: `${url}/1` })).toContain("the 'select' command")
    const free = await useUser(...documented.split(' '), '+select')
    expect(await (await start(`${free}/1`)).toStore()).toBe('up')
  })

  // The certificate of the test is its own authority, which Deno does not accept.
  test('starts over TLS, if an authority vouches for the certificate; Deno wants another authority than itself', async () => {
    const url = `rediss://127.0.0.1:${await useTls()}`
    if (runtime === 'deno')
      expect(await refusalOf(runtime, { SLUICE_DEMO: '1', SLUICE_REDIS_URL: url, DENO_CERT: certificate })).toContain(
        'its certificate is not valid',
      )
    else expect(await (await start(url, { NODE_EXTRA_CA_CERTS: certificate })).toStore()).toBe('up')
  })

  test.each([
    ['nothing listens', async () => 'redis://127.0.0.1:1', 'ECONNREFUSED'],
    ['it does not answer', () => useFake(() => {}), 'it does not answer'],
    ['it waits for more of our TLS', async () => (await useRedis()).url.replace('redis:', 'rediss:'), 'it does not answer'],
    ['it closes each connection', () => useFake((socket) => socket.end()), 'it closed the connection'],
    ['it speaks TLS only', async () => `redis://127.0.0.1:${await useTls()}`, 'ECONNRESET'],
    ['it has too many clients', () => useFake(answering('-ERR max number of clients reached')), 'it has too many clients'],
  ])('starts without Redis if %s, and says so in one line', async (_, toUrl, reason) => {
    const url = await toUrl()
    const startedAt = performance.now()
    const server = await start(url)
    expect(performance.now() - startedAt).toBeLessThan(4000)
    expect(await server.toStore()).toBe('down')
    expect(server.errors()).toMatch(/^Redis is down \([^\n]+\): until it is well again, [^\n]+\n$/)
    expect(server.errors()).toContain(reason)
    expect(server.errors()).not.toContain('127.0.0.1')
  })

  test('finds a Redis that starts later', async () => {
    const redis = await useRedis()
    await redis.kill()
    const server = await start(redis.url)
    expect(await server.toStore()).toBe('down')
    await redis.restart()
    await expect.poll(server.toStore).toBe('up')
    await expect.poll(server.errors).toMatch(/^Redis is down \(ECONNREFUSED\): .+\nRedis is well again: .+\n$/)
  })

  test('leaves no key of its checks behind', async () => {
    const redis = await useRedis()
    await start(redis.url)
    expect(await redis.command('KEYS', 'sluice:1:{check}*')).toEqual([])
  })
})
