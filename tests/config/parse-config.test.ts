import { describe, expect, test } from 'vitest'
import { toHosts } from '../../src/config/hosts.ts'
import { ConfigError, parseConfig, variableNames, type ConfigDefaults } from '../../src/config/parse-config.ts'
import { badConfigurations, canary } from '../fixtures/bad-configurations.ts'

function mistakesOf(env: Record<string, unknown>): string {
  try {
    parseConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  throw new Error('Cannot find a mistake: it was accepted')
}

const hash = 'ab'.repeat(32)
/** The parts of an address that a URL may leave out. */
const redis = { tls: false, port: 6379, username: undefined, password: undefined, database: 0 }

/** The settings of a host that gives none. */
const one = { tier: 1, max: undefined, weight: 1, apiKey: undefined }

test('an empty environment has the documented defaults', () => {
  expect(parseConfig({})).toEqual({
    server: { host: '127.0.0.1', port: 8083, reusePort: false, base: '', shutdownGraceMs: 10_000, log: 'json' },
    upstream: { host: 'http://127.0.0.1:11434', apiKey: undefined, hosts: [], connectTimeoutMs: 3000, demo: false },
    queue: { running: 0, waiting: 100 },
    models: { allowed: undefined, aliases: [], defaultModel: undefined },
    clamps: { numPredict: 0, numCtx: 0, keepAliveSeconds: 0 },
    access: {
      keys: [],
      keysFile: undefined,
      tokenSecret: undefined,
      operator: false,
      insecure: false,
      hosts: [],
      origins: [],
      management: false,
    },
    perCaller: { perMinute: 0, streams: 0, tokensPerMinute: 0, tokensPerDay: 0 },
    limits: { maxStreams: 1000, maxBodyBytes: 16_777_216, maxLineBytes: 4_194_304 },
    resume: { maxSeconds: 60, maxDetached: 4, runBytes: 8_388_608, totalBytes: 268_435_456, keepSeconds: 60 },
    store: { redis: undefined, leaseMs: 10_000 },
    telemetry: {
      endpoint: undefined,
      tracesEndpoint: undefined,
      headers: [],
      resource: [],
      serviceName: undefined,
      sampler: 'parentbased_always_on',
      ratio: 1,
      disabled: false,
    },
    deadlines: {
      graceMs: 250,
      heartbeatMs: 15_000,
      firstTokenMs: 600_000,
      idleMs: 120_000,
      totalMs: 3_600_000,
      stallMs: 30_000,
    },
  })
})

test.each([
  ['HOST', 'server.host', '0.0.0.0', '0.0.0.0'],
  ['HOST', 'server.host', '::1', '::1'],
  ['HOST', 'server.host', 'sluice.example', 'sluice.example'],
  ['PORT', 'server.port', '0', 0],
  ['PORT', 'server.port', '65535', 65_535],
  ['SLUICE_REUSE_PORT', 'server.reusePort', '1', true],
  ['SLUICE_BASE', 'server.base', 'tools//ai/', '/tools/ai'],
  ['OLLAMA_HOST', 'upstream.host', 'ollama:1234', 'http://ollama:1234'],
  ['OLLAMA_API_KEY', 'upstream.apiKey', 'sk-123_~!', 'sk-123_~!'],
  ['OLLAMA_HOSTS', 'upstream.hosts', 'a=gpu1', [{ ...one, name: 'a', url: 'http://gpu1:11434' }]],
  [
    'OLLAMA_HOSTS',
    'upstream.hosts',
    'big-1=https://gpu1/a/; tier=2 ;max=4;weight=3, 0=[::1]:1;max=0',
    [
      { ...one, name: 'big-1', url: 'https://gpu1/a', tier: 2, max: 4, weight: 3 },
      { ...one, name: '0', url: 'http://[::1]:1', max: 0 },
    ],
  ],
  ['SLUICE_CONNECT_TIMEOUT_MS', 'upstream.connectTimeoutMs', '0', 0],
  ['SLUICE_MODEL', 'models.defaultModel', 'hf.co/a/b:Q4_K_M', 'hf.co/a/b:Q4_K_M'],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'telemetry.endpoint', 'http://otel:4318/base/', 'http://otel:4318/base/'],
  ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'telemetry.tracesEndpoint', 'https://otel/v1/traces', 'https://otel/v1/traces'],
  [
    'OTEL_EXPORTER_OTLP_HEADERS',
    'telemetry.headers',
    'authorization=Basic%20YTpi=, x-id = 1',
    [
      ['authorization', 'Basic YTpi='],
      ['x-id', '1'],
    ],
  ],
  [
    'OTEL_RESOURCE_ATTRIBUTES',
    'telemetry.resource',
    'deployment.environment.name=caf%C3%A9,a=',
    [
      ['deployment.environment.name', 'café'],
      ['a', ''],
    ],
  ],
  ['OTEL_SERVICE_NAME', 'telemetry.serviceName', 'chat', 'chat'],
  ['OTEL_TRACES_SAMPLER', 'telemetry.sampler', 'traceidratio', 'traceidratio'],
  ['OTEL_TRACES_SAMPLER_ARG', 'telemetry.ratio', '0.25', 0.25],
  ['OTEL_TRACES_SAMPLER_ARG', 'telemetry.ratio', '.5', 0.5],
  ['OTEL_SDK_DISABLED', 'telemetry.disabled', 'TRUE', true],
  ['SLUICE_GRACE_MS', 'deadlines.graceMs', '0', 0],
  ['SLUICE_HEARTBEAT_MS', 'deadlines.heartbeatMs', '100', 100],
  ['SLUICE_FIRST_TOKEN_TIMEOUT_MS', 'deadlines.firstTokenMs', '0', 0],
  ['SLUICE_IDLE_TIMEOUT_MS', 'deadlines.idleMs', '2147483647', 2_147_483_647],
  ['SLUICE_TOTAL_TIMEOUT_MS', 'deadlines.totalMs', '0', 0],
  ['SLUICE_STALL_TIMEOUT_MS', 'deadlines.stallMs', '0', 0],
  ['SLUICE_MAX_BODY_BYTES', 'limits.maxBodyBytes', '1', 1],
  ['SLUICE_MAX_LINE_BYTES', 'limits.maxLineBytes', '1024', 1024],
  ['SLUICE_MAX_STREAMS', 'limits.maxStreams', '1', 1],
  ['SLUICE_RESUME_MAX_SECONDS', 'resume.maxSeconds', '0', 0],
  ['SLUICE_RESUME_MAX_SECONDS', 'resume.maxSeconds', '86400', 86_400],
  ['SLUICE_RESUME_MAX_DETACHED', 'resume.maxDetached', '0', 0],
  ['SLUICE_RESUME_RUN_BYTES', 'resume.runBytes', '65536', 65_536],
  ['SLUICE_RESUME_TOTAL_BYTES', 'resume.totalBytes', '68719476736', 68_719_476_736],
  ['SLUICE_RESUME_KEEP_SECONDS', 'resume.keepSeconds', '0', 0],
  ['SLUICE_REDIS_LEASE_MS', 'store.leaseMs', '1000', 1000],
  ['SLUICE_REDIS_URL', 'store.redis', 'redis://redis', { ...redis, host: 'redis' }],
  ['SLUICE_REDIS_URL', 'store.redis', 'redis://10.0.0.1:6380/15', { ...redis, host: '10.0.0.1', port: 6380, database: 15 }],
  ['SLUICE_REDIS_URL', 'store.redis', 'rediss://[::1]/', { ...redis, tls: true, host: '::1' }],
  [
    'SLUICE_REDIS_URL',
    'store.redis',
    'REDISS://al%40ice:p%2Fw%20@Redis.example:1',
    { ...redis, tls: true, host: 'Redis.example', port: 1, username: 'al@ice', password: 'p/w ' },
  ],
  ['SLUICE_REDIS_URL', 'store.redis', 'redis://:a@b@redis', { ...redis, host: 'redis', password: 'a@b' }],
  ['SLUICE_API_KEYS_FILE', 'access.keysFile', '/etc/sluice/keys.json', '/etc/sluice/keys.json'],
  [
    'SLUICE_API_KEYS',
    'access.keys',
    `\n{"keys":[{"name":"me","sha256":"${hash}","admin":true,"streams":2}]}`,
    [{ name: 'me', sha256: hash, models: undefined, admin: true, quota: { streams: 2 } }],
  ],
  ['SLUICE_API_KEYS', 'access.keys', `me:${hash}`, [{ name: 'me', sha256: hash, models: undefined }]],
  [
    'SLUICE_API_KEYS',
    'access.keys',
    `a:${hash.toUpperCase()}:gemma3:*|llama3, b.c-d:${hash}:*`,
    [
      { name: 'a', sha256: hash, models: ['gemma3:*', 'llama3'] },
      { name: 'b.c-d', sha256: hash, models: ['*'] },
    ],
  ],
  ['SLUICE_TOKEN_SECRET', 'access.tokenSecret', 'ü'.repeat(32), 'ü'.repeat(32)],
  ['SLUICE_MODELS', 'models.allowed', 'gemma3:*, hf.co/a/b', ['gemma3:*', 'hf.co/a/b']],
  [
    'SLUICE_ALIASES',
    'models.aliases',
    'gpt-4o=gemma3:270m,x=y',
    [
      ['gpt-4o', 'gemma3:270m'],
      ['x', 'y'],
    ],
  ],
  [
    'SLUICE_CORS_ORIGINS',
    'access.origins',
    'https://chat.example, http://localhost:3000/',
    ['https://chat.example', 'http://localhost:3000'],
  ],
  [
    'SLUICE_CORS_ORIGINS',
    'access.origins',
    'app://obsidian.md, tauri://localhost/,capacitor://localhost:8100,safari-web-extension://0A1B',
    ['app://obsidian.md', 'tauri://localhost', 'capacitor://localhost:8100', 'safari-web-extension://0A1B'],
  ],
  [
    'SLUICE_CORS_ORIGINS',
    'access.origins',
    'moz-extension://*,HTTPS://Chat.example',
    ['moz-extension://*', 'https://chat.example'],
  ],
  ['SLUICE_ALLOWED_HOSTS', 'access.hosts', 'Chat.example,[::2]', ['chat.example', '[::2]']],
  ['SLUICE_MAX_KEEP_ALIVE', 'clamps.keepAliveSeconds', '600', 600],
  ['SLUICE_MAX_KEEP_ALIVE', 'clamps.keepAliveSeconds', '10m', 600],
  ['SLUICE_RATE_PER_MINUTE', 'perCaller.perMinute', '60', 60],
  ['SLUICE_TOKENS_PER_MINUTE', 'perCaller.tokensPerMinute', '20000', 20_000],
  ['SLUICE_TOKENS_PER_DAY', 'perCaller.tokensPerDay', '1000000000000', 1e12],
  ['SLUICE_MAX_STREAMS_PER_KEY', 'perCaller.streams', '4', 4],
  ['SLUICE_UPSTREAM_STREAMS', 'queue.running', '2', 2],
  ['SLUICE_QUEUE', 'queue.waiting', '0', 0],
  ['SLUICE_MAX_NUM_PREDICT', 'clamps.numPredict', '100', 100],
  ['SLUICE_MAX_NUM_CTX', 'clamps.numCtx', '4096', 4096],
  ['SLUICE_MANAGEMENT', 'access.management', '1', true],
  ['SLUICE_INSECURE', 'access.insecure', '1', true],
  ['SLUICE_SHUTDOWN_GRACE_MS', 'server.shutdownGraceMs', '0', 0],
  ['SLUICE_DEMO', 'upstream.demo', '1', true],
  ['SLUICE_DEMO', 'upstream.demo', '0', false],
  ['SLUICE_LOG', 'server.log', 'silent', 'silent'],
])('%s is %s: with %s it is %j', (name, path, text, value) => {
  expect(parseConfig({ [name]: text })).toHaveProperty(path, value)
})

describe('several hosts', () => {
  const hosts = 'big-1=gpu1;max=4,small=gpu2'

  test('each have a key of their own, and no other variable of that family is read', () => {
    const env = { OLLAMA_HOSTS: hosts, OLLAMA_API_KEY_BIG_1: 'sk-1', OLLAMA_API_KEY_OTHER: 'not valid' }
    expect(parseConfig(env).upstream.hosts.map(({ apiKey }) => apiKey)).toEqual(['sk-1', undefined])
    expect(mistakesOf({ ...env, OLLAMA_API_KEY_SMALL: `${canary} x` })).toBe(
      'OLLAMA_API_KEY_SMALL: must be printable ASCII without spaces',
    )
  })

  test('and one host are a mistake', () => {
    expect(mistakesOf({ OLLAMA_HOSTS: hosts, OLLAMA_HOST: 'gpu3', OLLAMA_API_KEY: 'x' }).split('\n')).toEqual([
      'OLLAMA_HOST: must be unset, because OLLAMA_HOSTS is set',
      'OLLAMA_API_KEY: must be unset with OLLAMA_HOSTS; each host has a variable of its own',
    ])
  })

  test('may have their own maximum, or that of SLUICE_UPSTREAM_STREAMS', () => {
    const config = parseConfig({ OLLAMA_HOSTS: hosts, SLUICE_UPSTREAM_STREAMS: '2' })
    expect(toHosts(config).map(({ name, max }) => [name, max])).toEqual([
      ['big-1', 4],
      ['small', 2],
    ])
    expect(toHosts(parseConfig({ OLLAMA_HOST: 'gpu3', OLLAMA_API_KEY: 'x', SLUICE_UPSTREAM_STREAMS: '2' }))).toEqual([
      { ...one, name: 'ollama', url: 'http://gpu3:11434', max: 2, apiKey: 'x' },
    ])
  })

  test('are replaced by the demo, as one is', () => {
    expect(toHosts(parseConfig({ OLLAMA_HOSTS: hosts, SLUICE_DEMO: '1' }))).toMatchObject([{ name: 'ollama' }])
  })
})

test('an empty value is unset', () => {
  expect(parseConfig(Object.fromEntries(variableNames.map((name) => [name, ''])))).toEqual(parseConfig({}))
  expect(parseConfig({ SLUICE_NO_SUCH_THING: '' })).toEqual(parseConfig({}))
})

test("a runtime's own defaults apply where no variable is set", () => {
  const defaults: ConfigDefaults = { deadlines: { heartbeatMs: 1000 }, server: { log: 'pretty' } }
  const expected = { deadlines: { heartbeatMs: 1000, graceMs: 250 }, server: { log: 'pretty', port: 8083 } }
  expect(parseConfig({}, defaults)).toMatchObject(expected)
  expect(parseConfig({ SLUICE_HEARTBEAT_MS: '' }, defaults)).toMatchObject(expected)
  expect(parseConfig({ SLUICE_HEARTBEAT_MS: '2000' }, defaults)).toHaveProperty('deadlines.heartbeatMs', 2000)
})

test('variables of other programs are ignored', () => {
  const env = { PATH: '/bin', OLLAMA_MODELS: '/models', sluice_port: '1', constructor: 'x', toString: 'x' }
  expect(parseConfig(env)).toEqual(parseConfig({}))
})

test('bindings of a Worker may be numbers and booleans', () => {
  expect(parseConfig({ SLUICE_MAX_STREAMS: 7, SLUICE_GRACE_MS: 0 })).toMatchObject({
    limits: { maxStreams: 7 },
    deadlines: { graceMs: 0 },
  })
  expect(mistakesOf({ SLUICE_DEMO: true })).toBe('SLUICE_DEMO: must be 0 or 1')
})

test('a binding of another type is a mistake', () => {
  expect(mistakesOf({ OLLAMA_HOST: { fetch: canary } })).toBe('OLLAMA_HOST: must be a text')
  expect(mistakesOf({ PORT: null })).toBe('PORT: must be a text')
  expect(mistakesOf({ SLUICE_LOG: { canary } })).toBe('SLUICE_LOG: must be pretty, json or silent')
})

describe('F33: a mistake is refused', () => {
  test.each(badConfigurations)('$name', ({ env, says }) => {
    const text = mistakesOf(env)
    for (const part of says) expect(text).toContain(part)
    expect(text).not.toContain(canary)
    expect(text.split('\n')).toHaveLength(Object.keys(env).length)
  })
})
