import { describe, expect, test } from 'vitest'
import { ConfigError, parseConfig } from '../src/config.ts'
import { badConfigurations, canary } from './fixtures/bad-configurations.ts'

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

test('an empty environment has the documented defaults', () => {
  expect(parseConfig({})).toEqual({
    HOST: '127.0.0.1',
    PORT: 8083,
    SLUICE_REUSE_PORT: false,
    OLLAMA_HOST: 'http://127.0.0.1:11434',
    SLUICE_GRACE_MS: 250,
    SLUICE_HEARTBEAT_MS: 5000,
    SLUICE_FIRST_TOKEN_TIMEOUT_MS: 600_000,
    SLUICE_IDLE_TIMEOUT_MS: 120_000,
    SLUICE_TOTAL_TIMEOUT_MS: 3_600_000,
    SLUICE_STALL_TIMEOUT_MS: 30_000,
    SLUICE_INSECURE: false,
    SLUICE_MANAGEMENT: false,
    SLUICE_MAX_STREAMS_PER_KEY: 0,
    SLUICE_RATE_PER_MINUTE: 0,
    SLUICE_UPSTREAM_STREAMS: 0,
    SLUICE_QUEUE: 100,
    SLUICE_MAX_NUM_PREDICT: 0,
    SLUICE_MAX_NUM_CTX: 0,
    SLUICE_MAX_KEEP_ALIVE: 0,
    SLUICE_MAX_BODY_BYTES: 16_777_216,
    SLUICE_MAX_LINE_BYTES: 4_194_304,
    SLUICE_MAX_STREAMS: 1000,
    SLUICE_SHUTDOWN_GRACE_MS: 10_000,
    SLUICE_DEMO: false,
  })
})

test.each([
  ['HOST', '0.0.0.0', '0.0.0.0'],
  ['HOST', '::1', '::1'],
  ['HOST', 'sluice.example', 'sluice.example'],
  ['PORT', '0', 0],
  ['PORT', '65535', 65_535],
  ['SLUICE_REUSE_PORT', '1', true],
  ['OLLAMA_HOST', 'ollama:1234', 'http://ollama:1234'],
  ['OLLAMA_API_KEY', 'sk-123_~!', 'sk-123_~!'],
  ['SLUICE_MODEL', 'hf.co/a/b:Q4_K_M', 'hf.co/a/b:Q4_K_M'],
  ['SLUICE_GRACE_MS', '0', 0],
  ['SLUICE_HEARTBEAT_MS', '100', 100],
  ['SLUICE_FIRST_TOKEN_TIMEOUT_MS', '0', 0],
  ['SLUICE_IDLE_TIMEOUT_MS', '2147483647', 2_147_483_647],
  ['SLUICE_TOTAL_TIMEOUT_MS', '0', 0],
  ['SLUICE_STALL_TIMEOUT_MS', '0', 0],
  ['SLUICE_MAX_BODY_BYTES', '1', 1],
  ['SLUICE_MAX_LINE_BYTES', '1024', 1024],
  ['SLUICE_MAX_STREAMS', '1', 1],
  ['SLUICE_API_KEYS', `me:${hash}`, [{ name: 'me', sha256: hash, models: undefined }]],
  [
    'SLUICE_API_KEYS',
    `a:${hash.toUpperCase()}:gemma3:*|llama3, b.c-d:${hash}:*`,
    [
      { name: 'a', sha256: hash, models: ['gemma3:*', 'llama3'] },
      { name: 'b.c-d', sha256: hash, models: ['*'] },
    ],
  ],
  ['SLUICE_MODELS', 'gemma3:*, hf.co/a/b', ['gemma3:*', 'hf.co/a/b']],
  [
    'SLUICE_ALIASES',
    'gpt-4o=gemma3:270m,x=y',
    [
      ['gpt-4o', 'gemma3:270m'],
      ['x', 'y'],
    ],
  ],
  ['SLUICE_CORS_ORIGINS', 'https://chat.example, http://localhost:3000/', ['https://chat.example', 'http://localhost:3000']],
  [
    'SLUICE_CORS_ORIGINS',
    'app://obsidian.md, tauri://localhost/,capacitor://localhost:8100,safari-web-extension://0A1B',
    ['app://obsidian.md', 'tauri://localhost', 'capacitor://localhost:8100', 'safari-web-extension://0A1B'],
  ],
  ['SLUICE_CORS_ORIGINS', 'moz-extension://*,HTTPS://Chat.example', ['moz-extension://*', 'https://chat.example']],
  ['SLUICE_ALLOWED_HOSTS', 'Chat.example,[::2]', ['chat.example', '[::2]']],
  ['SLUICE_MAX_KEEP_ALIVE', '600', 600],
  ['SLUICE_MAX_KEEP_ALIVE', '10m', 600],
  ['SLUICE_RATE_PER_MINUTE', '60', 60],
  ['SLUICE_MANAGEMENT', '1', true],
  ['SLUICE_INSECURE', '1', true],
  ['SLUICE_SHUTDOWN_GRACE_MS', '0', 0],
  ['SLUICE_DEMO', '1', true],
  ['SLUICE_DEMO', '0', false],
  ['SLUICE_LOG', 'silent', 'silent'],
])('%s=%s is %j', (name, text, value) => {
  expect(parseConfig({ [name]: text })).toHaveProperty(name, value)
})

test('an empty value is unset', () => {
  const names = Object.keys(parseConfig({ OLLAMA_API_KEY: 'x', SLUICE_MODEL: 'x', SLUICE_LOG: 'json' }))
  expect(parseConfig(Object.fromEntries(names.map((name) => [name, ''])))).toEqual(parseConfig({}))
  expect(parseConfig({ SLUICE_NO_SUCH_THING: '' })).toEqual(parseConfig({}))
})

test("a runtime's own defaults stand where nothing is set", () => {
  const defaults = { SLUICE_HEARTBEAT_MS: '1000', SLUICE_LOG: 'json' }
  expect(parseConfig({}, defaults)).toMatchObject({ SLUICE_HEARTBEAT_MS: 1000, SLUICE_LOG: 'json' })
  expect(parseConfig({ SLUICE_HEARTBEAT_MS: '' }, defaults)).toMatchObject({ SLUICE_HEARTBEAT_MS: 1000 })
  expect(parseConfig({ SLUICE_HEARTBEAT_MS: '2000' }, defaults)).toMatchObject({ SLUICE_HEARTBEAT_MS: 2000 })
})

test("other programs' variables are none of ours", () => {
  const env = { PATH: '/bin', OLLAMA_MODELS: '/models', sluice_port: '1', constructor: 'x', toString: 'x' }
  expect(parseConfig(env)).toEqual(parseConfig({}))
})

test('bindings of a Worker may be numbers and booleans', () => {
  expect(parseConfig({ SLUICE_MAX_STREAMS: 7, SLUICE_GRACE_MS: 0 })).toMatchObject({
    SLUICE_MAX_STREAMS: 7,
    SLUICE_GRACE_MS: 0,
  })
  expect(mistakesOf({ SLUICE_DEMO: true })).toBe('SLUICE_DEMO: must be 0 or 1')
})

test('a binding that is no text is a mistake', () => {
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
