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
  const execute = (command: readonly string[], env: Record<string, string> = {}) => {
    const [file = '', ...args] = image.toHere(command)
    return run(file, args, { cwd: image.app, env: { ...image.env, ...env }, ...image.ids })
  }
  const toOptions = (env: Record<string, string>) => ({ cwd: image.app, env: { ...image.env, PORT: '0', ...env } })
  const start = async (env: Record<string, string>) =>
    (container = await startProgram(image.toHere([...image.entrypoint, ...image.cmd]), { ...toOptions(env), ...image.ids }))

  test('is built with the Node of the tests, runs on the same major version, and has the command of npm start', () => {
    const { node } = packageJson.devDependencies
    expect(image.stages.map(({ from }) => from)).toEqual([`node:${node}-slim`])
    expect(image.from).toBe(`gcr.io/distroless/nodejs${node.split('.')[0]}-debian13:nonroot`)
    expect(process.version).toBe(`v${node}`)
    expect(['node', ...image.entrypoint.slice(1), ...image.cmd].join(' ')).toBe(packageJson.scripts.start)
  })

  test('is for every architecture: the build runs on the machine that builds, and its result has no step of its own', () => {
    expect(image.stages.map(({ isNative }) => isNative)).toEqual([true])
    expect(image.isNative).toBe(false)
    expect(image.steps.filter((step) => 'run' in step)).toEqual([])
    for (const file of readdirSync(join(image.app, 'dist'))) expect(file).toMatch(/\.(?:js|cjs|js\.map|txt)$/)
  })

  test('has labels that say what it is', () => {
    expect(image.labels).toMatchObject({
      'org.opencontainers.image.licenses': packageJson.license,
      'org.opencontainers.image.base.name': image.from,
    })
    expect(packageJson.description).toContain(image.labels['org.opencontainers.image.description'])
  })

  test('contains the server with its source map, the commands, the Redis client, the licenses of the packages in them, and no package', () => {
    expect(readdirSync(image.app).toSorted()).toEqual(['dist', 'package.json'])
    const dist = join(image.app, 'dist')
    expect(readdirSync(dist).toSorted()).toEqual([
      'cli.js',
      'command.js',
      'key.js',
      'licenses.txt',
      'node.js',
      'node.js.map',
      'redis-client.cjs',
    ])
    const licenses = readFileSync(join(dist, 'licenses.txt'), 'utf8')
    for (const name of ['@hono/node-server', '@redis/client', 'hono', 'valibot'])
      expect(licenses).toMatch(new RegExp(`^${name}\n\nMIT License`, 'm'))
  })

  test('does not run as root, listens on every address, and is stopped by SIGTERM', () => {
    // Kubernetes' runAsNonRoot needs a number.
    expect(Number(image.user)).toBeGreaterThan(0)
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
    const { stdout } = await execute([image.entrypoint[0]!, 'dist/key.js', 'alice'])
    const [secret = '', keys = ''] = [...stdout.matchAll(/^ {2}(\S+)$/gm)].map(([, word]) => word)
    const { url, end } = await start({ SLUICE_API_KEYS: keys, OLLAMA_HOST: upstream.url })
    const body = JSON.stringify({ text: 'Hello', model: upstream.script(tokens({ count: 2 })) })
    const ask = async (headers: Record<string, string>) =>
      (await fetch(`${url}/chat`, { method: 'POST', headers, body })).text()
    expect(await ask({})).toContain('unauthorized')
    expect(await ask({ authorization: `Bearer ${secret}` })).toContain('\nevent: done\n')

    const check = () => execute(image.healthcheck, { PORT: new URL(url).port })
    expect(await check()).toEqual({ stdout: '', stderr: '' })
    const env = { SLUICE_API_KEYS: keys, OLLAMA_HOST: upstream.url, PORT: '0' }
    const { stdout: found } = await execute([image.entrypoint[0]!, 'dist/cli.js', 'check'], env)
    expect(found).toContain(`Sluice ${packageJson.version} on Node`)
    expect(found).toContain('Nothing is wrong.')
    // The form for reports asks for this text, so nobody must have to remove a secret from it.
    for (const text of [secret, keys.split(':')[1]!]) expect(found).not.toContain(text)

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
  'FROM node\nWORKDIR /app\nLABEL a="b"\nUSER 1\nEXPOSE 1\nSTOPSIGNAL SIGTERM\nHEALTHCHECK CMD ["node"]\nENTRYPOINT ["node"]\nCMD npm start',
  'FROM --platform=linux/amd64 node\nWORKDIR /app',
  'FROM node\nWORKDIR /app\nLABEL a=b',
])('an instruction that the test does not know makes the test fail: %j', (text) => {
  expect(() => parseDockerfile(text)).toThrow()
})

test.each(['node_modules', '*\n!src/**', '*\n!src\nsrc/secret'])(
  'a .dockerignore that the test does not know makes the test fail: %j',
  (text) => {
    expect(() => parseDockerignore(text)).toThrow('Cannot follow')
  },
)
