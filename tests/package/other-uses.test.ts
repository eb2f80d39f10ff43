import { build, type BuildOptions } from 'esbuild'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { writeWorkerdConfig } from '../../build/write-workerd-config.ts'
import { createConsumer, runtimes, type Consumer } from './consumer.ts'

let consumer: Consumer
/** A second package, with another version. */
let other: string

beforeAll(async () => {
  other = mkdtempSync(join(tmpdir(), 'sluice-other-'))
  consumer = await createConsumer('npm', {
    sluice: `file:${inject('tarball')}`,
    // Not the version that Sluice has.
    hono: '4.13.18',
  })
  await consumer.run('tar', '-xzf', inject('tarball'), '-C', other)
  const manifest = join(other, 'package/package.json')
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replace(/"version": ".*?"/, '"version": "0.0.1"'))
  await consumer.run('tar', '-czf', join(other, 'other.tgz'), '-C', other, 'package')
  await consumer.run(
    'npm',
    'install',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    `other@file:${other}/other.tgz`,
  )
}, 60_000)
afterAll(() => {
  consumer?.remove()
  rmSync(other, { recursive: true, force: true })
})

test.each(['Node 24', 'Node 22'] as const)('a program of CommonJS requires the package on %s', async (name) => {
  const options = { module: 'nodenext', outDir: 'built', noEmit: false }
  expect(await consumer.compile(['require.cts'], options)).toBe('')
  expect(await consumer.run(runtimes[name], 'built/require.cjs')).toBe('true\n')
})

test('two versions of the package, and two of Hono, work in one program', async () => {
  expect(existsSync(join(consumer.folder, 'node_modules/sluice/node_modules/hono'))).toBe(true)
  writeFileSync(
    join(consumer.folder, 'two.ts'),
    `import { Hono } from 'hono'
     import { createSluice } from 'sluice'
     import * as other from 'other'
     const env = { SLUICE_DEMO: '1' }
     const app = new Hono()
     const one = createSluice({ env, base: '/one' })
     const two = other.createSluice({ env, base: '/two' })
     app.all('/one/*', (c) => one.fetch(c.req.raw)).all('/two/*', (c) => two.fetch(c.req.raw))
     for (const path of ['/one/ping', '/two/ping', '/two/api/tags', '/one/nowhere'])
       console.log((await app.request(path, { headers: { host: '127.0.0.1' } })).status)
     console.log(Object.is(createSluice, other.createSluice))`,
  )
  expect(await consumer.run(runtimes['Node 24'], 'two.ts')).toBe('200\n200\n200\n404\nfalse\n')
  expect(await consumer.compile(['two.ts'], { module: 'nodenext' })).toBe('')
})

test('with the source maps, a stack trace names a file and line of the repository', async () => {
  const code = `import { createSluice } from 'sluice'
    try { createSluice({ env: { PORT: '1', SLUICE_LOG: 'loud' } }) } catch ({ stack }) { console.log(stack) }`
  const stack = await consumer.run(runtimes['Node 24'], '--enable-source-maps', '--input-type=module', '--eval', code)
  const [, line] = /\/src\/config\/parse-config\.ts:(\d+):/.exec(stack) ?? []
  const source = readFileSync(new URL('../../src/config/parse-config.ts', import.meta.url), 'utf8')
  expect(source.split('\n')[Number(line) - 1]).toContain('new ConfigError')
})

/** Bundles a program of the consumer, without what it does not use. */
async function bundle(entry: string, options: BuildOptions = {}): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: consumer.folder,
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'node',
    logLevel: 'error',
    ...options,
  })
  return outputFiles![0]!.text
}

test('a bundle of a program runs without the package, and has all that the program needs', async () => {
  const alone = mkdtempSync(join(tmpdir(), 'sluice-bundle-'))
  writeFileSync(join(alone, 'portable.mjs'), await bundle('portable.ts'))
  expect(await consumer.run(runtimes['Node 24'], join(alone, 'portable.mjs'))).toMatch(/^200 .*\nstart,delta,done\n/)
  rmSync(alone, { recursive: true })
})

test('a bundler leaves out what a program imports and does not use', async () => {
  const toBundle = (code: string) => bundle('', { entryPoints: [], stdin: { contents: code, resolveDir: consumer.folder } })
  expect(await toBundle(`import 'sluice'\nimport { createSluice } from 'sluice/node'\nimport * as bun from 'sluice/bun'`)).toBe(
    '',
  )
  const client = await toBundle(`import { createSluice } from 'sluice'\nexport { streamChat } from 'sluice/client'`)
  expect(client.length).toBeLessThan(8000)
})

test('the Worker compiles, is bundled without any module of Node, and streams on workerd', async () => {
  writeFileSync(
    join(consumer.folder, 'workers.d.ts'),
    `declare module 'cloudflare:workers' {
       export abstract class DurableObject { constructor(state: unknown, env: unknown) }
     }`,
  )
  expect(await consumer.compile(['worker.ts', 'workers.d.ts'], { module: 'esnext', moduleResolution: 'bundler' })).toBe('')
  const code = await bundle('worker.ts', { platform: 'browser', external: ['cloudflare:workers'], minify: false })
  expect(code).not.toMatch(/["']node:/)

  const entry = pathToFileURL(join(consumer.folder, 'worker.ts'))
  const { folder, config } = await writeWorkerdConfig(entry, { SLUICE_DEMO: '1' }, { objects: 'memory' })
  const workerd = fileURLToPath(new URL('../../node_modules/.bin/workerd', import.meta.url))
  const child = spawn(workerd, ['serve', config, '--control-fd=3'], { stdio: ['ignore', 'inherit', 'inherit', 'pipe'] })
  try {
    const [line] = (await once(child.stdio[3] as Readable, 'data')) as [Buffer]
    const { port } = JSON.parse(line.toString()) as { port: number }
    const body = JSON.stringify({ model: 'demo', messages: [{ role: 'user', content: 'Hi' }], options: { num_predict: 3 } })
    const headers = { 'content-type': 'application/json', accept: 'text/event-stream', prefer: 'resume=5' }
    const response = await fetch(`http://127.0.0.1:${port}/api/chat`, { method: 'POST', headers, body })
    // Only the objects of the Worker keep an answer that can be resumed.
    expect(response.headers.get('content-location')).toMatch(/^\/streams\//)
    expect(await response.text()).toMatch(/"done":true/)
  } finally {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
})
