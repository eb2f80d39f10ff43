import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { scripts: Record<string, string> }

/** The flags of `npm run start:deno`. */
const flags = [...scripts['start:deno']!.matchAll(/"?(--[^\s"]+)/g)].map(([, flag = '']) => flag)
const without = (name: string) => flags.filter((flag) => !flag.startsWith(name))

/** Runs the program until it ends or listens, and returns what it has printed. */
async function run(flags: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const child = spawn(`${root}node_modules/.bin/deno`, ['run', ...flags, `${root}dist/deno.js`], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, PORT: '0', OLLAMA_HOST: 'http://127.0.0.1:9', ...env },
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => {
      said += data.toString()
      if (said.includes('listens on')) child.kill('SIGKILL')
    })
  await new Promise((resolve) => child.on('close', resolve))
  return said
}

const folder = mkdtempSync(join(tmpdir(), 'sluice-deno-'))
writeFileSync(join(folder, 'keys.json'), '{"keys":[]}')
afterAll(() => rmSync(folder, { recursive: true }))

const mistakes = 'Cannot start: the environment has mistakes\n'

test('npm run start:deno needs no right but those of its flags, and may not read, write or run anything', async () => {
  expect(flags.filter((flag) => flag.startsWith('--allow')).map((flag) => flag.split('=')[0])).toEqual([
    '--allow-net',
    '--allow-env',
  ])
  expect(await run(flags)).toMatch(/^Sluice listens on /)
})

test.each([
  [
    'HOST',
    { HOST: '127.0.0.2', PORT: '1234' },
    'HOST: Deno may not use 127.0.0.2:1234; start it with --allow-net=127.0.0.2:1234,127.0.0.1:9',
  ],
  [
    'OLLAMA_HOST',
    { OLLAMA_HOST: 'https://ollama.test' },
    'OLLAMA_HOST: Deno may not use ollama.test:443; start it with --allow-net=127.0.0.1:0,ollama.test:443',
  ],
  [
    'OLLAMA_HOSTS',
    { OLLAMA_HOST: '', OLLAMA_HOSTS: 'a=http://127.0.0.1:9,b=https://ollama.test' },
    'OLLAMA_HOSTS: Deno may not use ollama.test:443; start it with --allow-net=127.0.0.1:0,127.0.0.1:9,ollama.test:443',
  ],
  [
    'SLUICE_REDIS_URL',
    { SLUICE_REDIS_URL: 'redis://redis.test' },
    'SLUICE_REDIS_URL: Deno may not use redis.test:6379; start it with --allow-net=127.0.0.1:0,127.0.0.1:9,redis.test:6379',
  ],
  [
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://otel.test/base' },
    'OTEL_EXPORTER_OTLP_ENDPOINT: Deno may not use otel.test:443; start it with --allow-net=127.0.0.1:0,127.0.0.1:9,otel.test:443',
  ],
])('an address that Deno may not use is a mistake of %s, and the line has the flag to use', async (_name, env, line) => {
  expect(await run(flags, env)).toBe(`${mistakes}${line}\n`)
})

test('a file of keys that Deno may not read is a mistake, and the line has the flag to use', async () => {
  const env = { SLUICE_API_KEYS_FILE: `${folder}/keys.json` }
  const flag = `--allow-read=${folder}/keys.json`
  expect(await run(flags, env)).toBe(`${mistakes}SLUICE_API_KEYS_FILE: Deno may not read this file; start it with ${flag}\n`)
  expect(await run([...flags, flag], env)).toMatch(/^Sluice listens on /)
  expect(await run([...flags, `--allow-read=${folder}`], env)).toMatch(/^Sluice listens on /)
})

test('the ports may be named, too', async () => {
  const net = ['--allow-net=127.0.0.1:0,127.0.0.1:9']
  expect(await run([...without('--allow-net'), ...net])).toMatch(/^Sluice listens on /)
})

test('a variable that Deno may not read is a mistake, because it may be set', async () => {
  const allowing = 'start it with --allow-env=HOST,PORT,OLLAMA_*,OTEL_*,SLUICE_*\n'
  expect(await run(without('--allow-env'))).toBe(`${mistakes}HOST: Deno may not read this variable; ${allowing}`)
  const some = [...without('--allow-env'), '--allow-env=HOST,PORT,OLLAMA_*,OTEL_*,SLUICE_MODEL*']
  expect(await run(some, { SLUICE_API_KEYS: 'a' })).toMatch(/^Cannot start: .*\nSLUICE_\w+: Deno may not read this variable; /)
})

test('a variable that does not exist is a mistake only if Deno may read all of them', async () => {
  const env = { SLUICE_HEARTBEATS: '5' }
  expect(await run(flags, env)).toMatch(/^Sluice listens on /)
  expect(await run([...without('--allow-env'), '--allow-env'], env)).toContain('SLUICE_HEARTBEATS: no such variable')
  expect(await run(flags, { SLUICE_WORKERS: '2' })).toContain('SLUICE_WORKERS: gone; ')
})
