import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import packageJson from '../../package.json' with { type: 'json' }
import { parseConfig } from '../../src/config/parse-config.ts'
import { parseDockerfile, parseDockerignore } from './dockerfile.ts'
import { buildImage, type Image } from './image.ts'
import { startProgram, type Program } from './program.ts'

const run = promisify(execFile)

describe('the image', () => {
  let image: Image
  let upstream: Upstream
  let container: Program | undefined

  beforeAll(async () => {
    upstream = await startUpstream()
    image = await buildImage()
  }, 120_000)
  afterAll(async () => {
    image?.remove()
    await upstream.close()
  })
  afterEach(async () => {
    await container?.end('SIGKILL')
    container = undefined
  })

  /** Runs a command as `docker run --rm sluice COMMAND` would. */
  const execute = ([file = '', ...args]: readonly string[], env: Record<string, string> = {}) =>
    run(file, args, { cwd: image.app, env: { ...image.env, ...env }, ...image.ids })
  const toOptions = (env: Record<string, string>) => ({ cwd: image.app, env: { ...image.env, PORT: '0', ...env } })
  const start = async (env: Record<string, string>) =>
    (container = await startProgram(image.cmd, { ...toOptions(env), ...image.ids }))

  test('uses the Node version of the tests, and the command of npm start', () => {
    expect(image.from).toBe(`node:${packageJson.devDependencies.node}-slim`)
    expect(process.version).toBe(`v${packageJson.devDependencies.node}`)
    expect(image.cmd.join(' ')).toBe(packageJson.scripts.start)
  })

  test('contains two programs, the source map of one, the Redis client, the licenses of the packages in them, and no package', () => {
    expect(readdirSync(image.app).toSorted()).toEqual(['dist', 'package.json'])
    const dist = join(image.app, 'dist')
    expect(readdirSync(dist).toSorted()).toEqual(['key.js', 'licenses.txt', 'node.js', 'node.js.map', 'redis-client.cjs'])
    const licenses = readFileSync(join(dist, 'licenses.txt'), 'utf8')
    for (const name of ['@hono/node-server', '@redis/client', 'hono', 'valibot'])
      expect(licenses).toMatch(new RegExp(`^${name}\n\nMIT License`, 'm'))
  })

  test('does not run as root, listens on every address, and is stopped by SIGTERM', () => {
    expect(image.user).toBe('node')
    expect(image.stopSignal).toBe('SIGTERM')
    const { host, port } = parseConfig(image.env).server
    expect(host).toBe('0.0.0.0')
    expect(image.expose).toBe(`${port}`)
  })

  test('does not start without a key, and names the missing variable', async () => {
    await expect(start({})).rejects.toThrow(/ended with 1\n[\s\S]*SLUICE_API_KEYS/)
  })

  test('does not start as a demo, as the emulator is not in it', async () => {
    await expect(start({ SLUICE_INSECURE: '1', SLUICE_DEMO: '1' })).rejects.toThrow(
      /ended with 1\nCannot start: the environment has mistakes\nSLUICE_DEMO: must be 0 here, because this copy of Sluice has no emulator; [^\n]+\n$/,
    )
  })

  test('makes a key, streams to a client with this key, stays healthy, and exits with 0 on SIGTERM', async () => {
    const { stdout } = await execute(['node', 'dist/key.js', 'alice'])
    const [secret = '', keys = ''] = [...stdout.matchAll(/^ {2}(\S+)$/gm)].map(([, word]) => word)
    const { url, end } = await start({ SLUICE_API_KEYS: keys, OLLAMA_HOST: upstream.url })
    const body = JSON.stringify({ text: 'Hello', model: upstream.script(tokens({ count: 2 })) })
    const ask = async (headers: Record<string, string>) =>
      (await fetch(`${url}/chat`, { method: 'POST', headers, body })).text()
    expect(await ask({})).toContain('unauthorized')
    expect(await ask({ authorization: `Bearer ${secret}` })).toContain('\nevent: done\n')

    const check = () => execute(image.healthcheck, { PORT: new URL(url).port })
    expect(await check()).toEqual({ stdout: '', stderr: '' })
    expect(await end('SIGTERM')).toBe(0)
    await expect(check()).rejects.toMatchObject({ code: 1 })
  })
})

test.each([
  'FROM node\nVOLUME /data',
  'FROM node\nFROM node',
  'COPY src ./src\nFROM node',
  'FROM node AS build\nWORKDIR /app\nUSER node\nFROM node',
  'FROM node AS build\nWORKDIR /app',
  'FROM node\nCOPY --chown=node src ./src',
  'FROM node\nWORKDIR /app\nUSER node\nEXPOSE 1\nSTOPSIGNAL SIGTERM\nHEALTHCHECK CMD ["node"]\nCMD npm start',
])('an instruction that the test does not know makes the test fail: %j', (text) => {
  expect(() => parseDockerfile(text)).toThrow()
})

test.each(['node_modules', '*\n!src/**', '*\n!src\nsrc/secret'])(
  'a .dockerignore that the test does not know makes the test fail: %j',
  (text) => {
    expect(() => parseDockerignore(text)).toThrow('Cannot follow')
  },
)
