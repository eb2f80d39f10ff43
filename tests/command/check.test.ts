import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { refusedUrl } from '#fake-ollama/faults.ts'
import { json } from '#fake-ollama/scripts.ts'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import packageJson from '../../package.json' with { type: 'json' }
import { toFreePort } from '../lab/free-port.ts'
import { answering, startFakeServer } from '../redis/fake-server.ts'
import { startServer } from '../runtimes/server.ts'
import { runCommand, sluice, sluiceOnBun } from './run-command.ts'

const secret = 'canary7f3a'
let upstream: Upstream

beforeAll(async () => {
  upstream = await startUpstream()
})
afterAll(() => upstream.close())

/** Runs `sluice check` with these variables. Returns its status, and the lines between its title and its end. */
async function check(env: Readonly<Record<string, string>>, command = sluice) {
  const { status, stdout, stderr } = await runCommand([...command, 'check'], {
    env: { PORT: '0', OLLAMA_HOST: upstream.url, ...env },
  })
  expect(stderr).toBe('')
  expect(stdout).not.toContain(secret)
  const [title, , ...lines] = stdout.trimEnd().split('\n')
  const end = lines.splice(-2)
  const count = lines.filter((line) => line.startsWith('WRONG  ')).length
  expect(title).toMatch(new RegExp(`^Sluice ${packageJson.version} on (?:Node|Bun) [\\d.]+, \\w+ \\w+$`))
  expect(end).toEqual(['', ['Nothing is wrong.', 'One thing is wrong.'][count] ?? `${count} things are wrong.`])
  expect(status).toBe(count === 0 ? 0 : 1)
  return lines
}

/** Returns only the lines about these things, without that. */
async function checkOf(about: string, env: Readonly<Record<string, string>>, command = sluice) {
  const lines = await check(env, command)
  return lines
    .filter((line) => line.slice(7, 22).trimEnd() === about)
    .map((line) => line.slice(0, 5).trimEnd() + ' ' + line.slice(22))
}

/** Starts a server that is no Ollama, or an odd one. Returns its URL. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe.each([
  ['node', sluice],
  ['bun', sluiceOnBun],
])('on %s', (_, command) => {
  test('a configuration that works has a line for each thing, and none is wrong', async () => {
    expect(await check({ SLUICE_MODEL: 'smollm2:135m' }, command)).toEqual([
      'ok     configuration  set are PORT, OLLAMA_HOST, SLUICE_MODEL',
      'ok     access         there are no keys: this machine alone may use Ollama',
      `ok     Ollama         ${upstream.url}, version 0.0.0`,
      expect.stringMatching(/^ok {5}models {9}(?:\S+, )+\S+(?: and \d+ more)?$/),
      'ok     default model  smollm2:135m',
      'ok     store          none: each process knows only its own answers and limits',
      'ok     port           any free one of 127.0.0.1',
    ])
  })

  test('each of several Ollamas has a line, and its own variable for a key', async () => {
    const off = await refusedUrl()
    const locked = await serve((_, response) => response.writeHead(401).end())
    const hosts = `near=${upstream.url},off=${off},the-cloud=${locked}`
    expect(await checkOf('Ollama', { OLLAMA_HOST: '', OLLAMA_HOSTS: hosts }, command)).toEqual([
      `ok near: ${upstream.url}, version 0.0.0`,
      `WRONG off: ${off} cannot be reached (ECONNREFUSED); start Ollama (ollama serve), or set OLLAMA_HOSTS`,
      `WRONG the-cloud: ${locked} wants a key (401); set OLLAMA_API_KEY_THE_CLOUD`,
    ])
  })

  test('the demo is named as such, and Ollama is not asked', async () => {
    const before = upstream.requests.length
    expect(await check({ SLUICE_DEMO: '1' }, command)).toEqual([
      'ok     configuration  set are PORT, OLLAMA_HOST, SLUICE_DEMO',
      'ok     access         there are no keys: this machine alone may use Ollama',
      'ok     Ollama         the built-in demo, which makes up every answer, version 0.33.0-demo',
      'ok     models         demo:latest, demo-thinking:latest, demo-tools:latest, demo-embed:latest',
      'ok     default model  SLUICE_MODEL is not set: a model that is loaded, or else the newest one',
      'ok     store          none: each process knows only its own answers and limits',
      'ok     port           any free one of 127.0.0.1',
    ])
    expect(upstream.requests.length).toBe(before)
  })

  test('an Ollama that is not there', async () => {
    const url = await refusedUrl()
    expect(await checkOf('Ollama', { OLLAMA_HOST: url }, command)).toEqual([
      `WRONG ${url} cannot be reached (ECONNREFUSED); start Ollama (ollama serve), or set OLLAMA_HOST`,
    ])
  })
})

describe('the configuration', () => {
  test('each mistake is a line, and nothing else is looked at', async () => {
    const env = { SLUICE_GRACE_MS: secret, SLUICE_MODLE: secret, SLUICE_WORKERS: '2', SLUICE_REDIS_URL: `http://:${secret}@x` }
    expect(await check(env)).toEqual([
      'WRONG  configuration  SLUICE_MODLE: no such variable; docs/protocol.md §8 lists them all',
      'WRONG  configuration  SLUICE_WORKERS: gone; start several processes with SLUICE_REUSE_PORT=1 (docs/deploy.md §11)',
      'WRONG  configuration  SLUICE_REDIS_URL: must be a URL such as redis://user:password@host:6379/0, or rediss://… for TLS',
      'WRONG  configuration  SLUICE_GRACE_MS: must be an integer from 0 to 2147483647',
    ])
  })

  test('an address that others can reach needs keys', async () => {
    expect(await check({ HOST: '0.0.0.0' })).toEqual([
      'WRONG  configuration  HOST: others can reach this address, and there are no keys; set SLUICE_API_KEYS ' +
        '(npx sluice key add NAME makes one), or SLUICE_INSECURE=1 if a proxy in front asks for keys',
    ])
  })

  test('who may ask is said, without a name or a hash', async () => {
    const hash = '0'.repeat(60) + 'c0de'
    const keys = { HOST: '0.0.0.0', SLUICE_API_KEYS: `${secret}:${hash}` }
    expect(await checkOf('access', keys)).toEqual(['ok callers need one of 1 key'])
    expect(await checkOf('access', { HOST: '0.0.0.0', SLUICE_INSECURE: '1' })).toEqual([
      'ok there are no keys: whoever reaches 0.0.0.0 may use Ollama',
    ])
  })

  test('a file of keys is read, and one without a key lets nobody in', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-keys-'))
    const env = { HOST: '0.0.0.0', SLUICE_API_KEYS_FILE: join(folder, 'keys.json') }
    expect(await check(env)).toEqual(['WRONG  configuration  SLUICE_API_KEYS_FILE: cannot be read: there is no such file'])
    const put = (...keys: readonly object[]) => writeFileSync(env.SLUICE_API_KEYS_FILE, JSON.stringify({ keys }))
    put({ name: 'alice', sha256: '0'.repeat(64) }, { name: 'bob', sha256: '1'.repeat(64) })
    expect(await checkOf('access', env)).toEqual(['ok callers need one of 2 keys'])
    put()
    expect(await checkOf('access', env)).toEqual([
      'WRONG nobody may ask, because SLUICE_API_KEYS_FILE has no key; sluice key add NAME makes one',
    ])
    rmSync(folder, { recursive: true })
  })
})

describe('Ollama', () => {
  test('that never answers is given up after three seconds', async () => {
    const url = await serve(() => {})
    const startedAt = performance.now()
    expect(await checkOf('Ollama', { OLLAMA_HOST: url })).toEqual([
      `WRONG ${url} does not answer within 3 s; restart Ollama, or set OLLAMA_HOST`,
    ])
    expect(performance.now() - startedAt).toBeLessThan(6000)
  })

  test('that begins an answer and never ends it is given up, too', async () => {
    const url = await serve((_, response) => response.write('{"version":'))
    expect(await checkOf('Ollama', { OLLAMA_HOST: url })).toEqual([expect.stringContaining('does not answer within 3 s')])
  })

  test('whose name does not exist', async () => {
    const url = 'http://no-such-host.invalid:11434'
    expect(await checkOf('Ollama', { OLLAMA_HOST: url })).toEqual([
      expect.stringMatching(/^WRONG \S+ cannot be reached \((?:ENOTFOUND|EAI_AGAIN)\); start Ollama/),
    ])
  })

  test('on a port that `fetch` never asks', async () => {
    expect(await checkOf('Ollama', { OLLAMA_HOST: '127.0.0.1:1' })).toEqual([
      expect.stringMatching(/^WRONG \S+ cannot be reached \(bad port\); start Ollama/),
    ])
  })

  test.each<[string, RequestListener, string]>([
    ['wants a key', (_, response) => response.writeHead(401).end(), 'wants a key (401); set OLLAMA_API_KEY'],
    [
      'is something else',
      (_, response) => response.writeHead(404).end(),
      'answers 404, so it may be no Ollama; set OLLAMA_HOST',
    ],
    [
      'sends the caller elsewhere',
      (_, response) => response.writeHead(302, { location: '/' }).end(),
      'answers 302, so it may be no Ollama; set OLLAMA_HOST',
    ],
    ['answers with a page', (_, response) => response.end('<h1>Hi</h1>'), 'answers, but not as Ollama does; set OLLAMA_HOST'],
    [
      'answers with other JSON',
      (_, response) => response.end('{"models":{}}'),
      'answers, but not as Ollama does; set OLLAMA_HOST',
    ],
    ['answers with null', (_, response) => response.end('null'), 'answers, but not as Ollama does; set OLLAMA_HOST'],
    [
      'has models without names',
      (_, response) => response.end('{"version":"1","models":[{}]}'),
      'answers, but not as Ollama does; set OLLAMA_HOST',
    ],
    ['breaks off', (_, response) => response.socket?.destroy(), 'cannot be reached (UND_ERR_SOCKET); start Ollama'],
  ])('that %s', async (_, listener, said) => {
    const url = await serve(listener)
    const [line = ''] = await checkOf('Ollama', { OLLAMA_HOST: url })
    expect(line.startsWith(`WRONG ${url} ${said}`)).toBe(true)
  })

  test('gets the key of OLLAMA_API_KEY, and the path of OLLAMA_HOST', async () => {
    const seen: unknown[] = []
    const url = await serve(({ url, headers }, response) => {
      seen.push([url, headers.authorization])
      response.end('{"version":"1\\u001b[31m","models":[]}')
    })
    const lines = await check({ OLLAMA_HOST: `${url}/a/b/`, OLLAMA_API_KEY: secret })
    expect(seen).toEqual([
      ['/a/b/api/version', `Bearer ${secret}`],
      ['/a/b/api/tags', `Bearer ${secret}`],
    ])
    expect(lines).toContain(`ok     Ollama         ${url}/a/b, version 1?[31m`)
    expect(lines).toContain('WRONG  models         Ollama has none; run: ollama pull gemma3:270m')
  })
})

describe('models', () => {
  const withModels = async (names: readonly string[], env: Record<string, string>) => {
    const undo = upstream.on('GET /api/tags', json({ models: names.map((name) => ({ name })) }))
    onTestFinished(undo)
    return [...(await checkOf('models', env)), ...(await checkOf('default model', env))]
  }
  const unset = 'ok SLUICE_MODEL is not set: a model that is loaded, or else the newest one'

  test('ten names are shown at most', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `m${index}:latest`)
    expect(await withModels(names, {})).toEqual([`ok ${names.slice(0, 10).join(', ')} and 2 more`, unset])
  })

  test('a default model that is not installed, with the command that gets it', async () => {
    expect(await withModels(['a:latest'], { SLUICE_MODEL: 'b' })).toEqual([
      'ok a:latest',
      'WRONG SLUICE_MODEL names b, which Ollama does not have; run: ollama pull b',
    ])
  })

  test('a default model by its short name, or by an alias', async () => {
    expect(await withModels(['a:latest'], { SLUICE_MODEL: 'A' })).toEqual(['ok a:latest', 'ok A'])
    expect(await withModels(['a:latest'], { SLUICE_MODEL: 'gpt', SLUICE_ALIASES: 'gpt=a' })).toEqual(['ok a:latest', 'ok a'])
  })

  test('a default model that callers may not use', async () => {
    expect(await withModels(['a:latest', 'b:latest'], { SLUICE_MODEL: 'b', SLUICE_MODELS: 'a' })).toEqual([
      'ok a:latest',
      'WRONG SLUICE_MODEL names b, which SLUICE_MODELS does not allow; add it there',
    ])
  })

  test('an alias of a model that is not installed', async () => {
    expect(await withModels(['a:latest'], { SLUICE_ALIASES: 'gpt=b,x=a' })).toEqual([
      'ok a:latest',
      'WRONG SLUICE_ALIASES: gpt means b, which Ollama does not have; run: ollama pull b',
      unset,
    ])
  })

  test('models that callers may not use', async () => {
    expect(await withModels(['a:latest'], { SLUICE_MODELS: 'b*' })).toEqual([
      'WRONG callers may use none of the 1 that Ollama has; change SLUICE_MODELS',
      unset,
    ])
    expect(await withModels(['a:cloud'], {})).toEqual([
      'WRONG Ollama has only cloud models, which need SLUICE_MODELS; or run: ollama pull gemma3:270m',
      unset,
    ])
  })

  test('in the demo the advice is another one', async () => {
    expect(await checkOf('default model', { SLUICE_DEMO: '1', SLUICE_MODEL: 'b' })).toEqual([
      'WRONG SLUICE_MODEL names b, which the demo does not have; name one of those above',
    ])
  })
})

describe('the store', () => {
  const useRedis = async (serve: Parameters<typeof startFakeServer>[0]) => {
    const { port, close } = await startFakeServer(serve)
    onTestFinished(close)
    return `redis://alice:${secret}@127.0.0.1:${port}`
  }

  test('that is not there', async () => {
    const url = await refusedUrl()
    const SLUICE_REDIS_URL = url.replace('http:', 'redis:')
    expect(await checkOf('store', { SLUICE_REDIS_URL })).toEqual([
      'WRONG Redis is down (ECONNREFUSED): until it is well again, new answers cannot be resumed, and limits count ' +
        'only this process; start it, or change SLUICE_REDIS_URL',
    ])
  })

  test('that never answers is given up after some seconds', async () => {
    const startedAt = performance.now()
    expect(await checkOf('store', { SLUICE_REDIS_URL: await useRedis(() => {}) })).toEqual([
      expect.stringMatching(/^WRONG Redis is down \(it does not answer\): .*; start it, or change SLUICE_REDIS_URL$/),
    ])
    expect(performance.now() - startedAt).toBeLessThan(6000)
  })

  test('that refuses the password', async () => {
    const SLUICE_REDIS_URL = await useRedis(answering('-WRONGPASS invalid username-password pair'))
    expect(await checkOf('store', { SLUICE_REDIS_URL })).toEqual([
      'WRONG SLUICE_REDIS_URL: Redis cannot be used: WRONGPASS invalid username-password pair; check the user and the password in the URL',
    ])
  })

  test('that is no Redis', async () => {
    const SLUICE_REDIS_URL = await useRedis((socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    expect(await checkOf('store', { SLUICE_REDIS_URL })).toEqual([
      expect.stringMatching(/^WRONG SLUICE_REDIS_URL: Redis cannot be used: its answers are not those of a Redis; /),
    ])
  })
})

describe('the port', () => {
  test('that is free', async () => {
    const PORT = `${await toFreePort()}`
    expect(await checkOf('port', { PORT })).toEqual([`ok ${PORT} of 127.0.0.1 is free`])
  })

  test.each(['', '/ai'])('that Sluice has already, below %j', async (base) => {
    const server = await startServer('node', { SLUICE_DEMO: '1', SLUICE_BASE: base })
    onTestFinished(() => server.stop())
    expect(await checkOf('port', { PORT: `${server.port}`, SLUICE_BASE: base })).toEqual([
      `ok Sluice listens on ${server.port} of 127.0.0.1 already`,
    ])
  })

  test.each<[string, RequestListener]>([
    ['another program', (_, response) => response.end('Hi')],
    ['a program that never answers', () => {}],
  ])('that %s has', async (_, listener) => {
    const { port: PORT } = new URL(await serve(listener))
    expect(await checkOf('port', { PORT })).toEqual([
      `WRONG Cannot listen: port ${PORT} of 127.0.0.1 is in use; set another one with PORT, or 0 for any free port`,
    ])
  })

  test('of an address that is not of this machine', async () => {
    const [line] = await checkOf('port', { HOST: '192.0.2.1', PORT: '8083', SLUICE_INSECURE: '1' })
    expect(line).toMatch(/^WRONG Cannot listen on 192\.0\.2\.1, port 8083: .*EADDRNOTAVAIL/)
  })
})

test('all that hangs at once takes no longer than one of them', async () => {
  const hanging = await serve(() => {})
  const { port, close } = await startFakeServer(() => {})
  onTestFinished(close)
  const startedAt = performance.now()
  const lines = await check({
    OLLAMA_HOST: hanging,
    PORT: new URL(hanging).port,
    SLUICE_REDIS_URL: `redis://127.0.0.1:${port}`,
  })
  expect(lines.filter((line) => line.startsWith('WRONG'))).toHaveLength(3)
  expect(performance.now() - startedAt).toBeLessThan(6000)
})
