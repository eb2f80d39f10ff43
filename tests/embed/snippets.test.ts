import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadSnippets } from '../snippets.ts'
import { pack, startApp } from './start-app.ts'
import { describeEmbedded } from './suite.ts'

const programs = fileURLToPath(new URL('.programs/', import.meta.url))

/** Each snippet of docs/embed.md in a file. Its first line names the file. */
const files = loadSnippets('docs/embed.md').map(({ code }): [file: string, code: string] => {
  const [, file] = /^\/\/ (\S+\.ts)\n/.exec(code) ?? []
  if (!file) throw new Error(`The first line of a snippet must name its file: ${code.slice(0, 80)}`)
  return [file, code]
})

/** A folder in which the frameworks of `.programs` are found, and the packed Sluice. */
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(programs, 'snippets-'))
  const sluice = join(folder, 'node_modules/sluice')
  mkdirSync(sluice, { recursive: true })
  execFileSync('tar', ['-xzf', pack(folder), '-C', sluice, '--strip-components=1'])
  const own = { 'nuxt.ts': nuxt, 'hono-on-bun.ts': honoOnBun, 'parsers.ts': parsers }
  const all = [...files, ...Object.entries(own)]
  for (const [file, code] of all) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), code)
  }
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Runs the event handler of the snippet for Nuxt as Nitro does on Node. */
const nuxt = `import { createApp, toNodeListener } from 'h3'
import { createServer } from 'node:http'
import handler from './server/routes/ai/[...].ts'

createServer(toNodeListener(createApp().use(handler))).listen(Number(process.env.PORT), '127.0.0.1')
`

/** The snippet for Hono, on Bun. */
const honoOnBun = `import { Hono } from 'hono'
import { createSluice } from 'sluice/bun'

const sluice = createSluice({ env: process.env, base: '/ai' })

const app = new Hono()
app.all('/ai/*', (c) => sluice.fetch(c.req.raw, c.env))

Bun.serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env.PORT) })
`

/** An app in which \`express.json()\` comes first, with the bytes kept and without. */
const parsers = `import { getRequestListener } from '@hono/node-server'
import express from 'express'
import { createSluice } from 'sluice/node'

const keep = { verify: (request: object, _response: object, bytes: Buffer) => Object.assign(request, { rawBody: bytes }) }
const listener = getRequestListener(createSluice({ env: process.env, base: '/ai' }).fetch)
const app = express()
app.use('/ai/chat', express.json(keep))
app.use('/ai/api', express.json())
app.all('/ai{/*path}', listener)
app.listen(Number(process.env.PORT), '127.0.0.1')
`

test.each(['nodenext', 'bundler'])(
  'the snippets have the types of the real packages: moduleResolution %s',
  (moduleResolution) => {
    const compilerOptions = {
      target: 'es2024',
      lib: ['es2024', 'dom', 'dom.iterable'],
      module: moduleResolution === 'bundler' ? 'esnext' : 'nodenext',
      moduleResolution,
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      allowImportingTsExtensions: true,
      types: ['node'],
      typeRoots: [relative(folder, join(programs, 'node_modules/@types'))],
    }
    const names = files.map(([file]) => file).filter((file) => file !== 'bun.ts')
    const config = `tsconfig.${moduleResolution}.json`
    writeFileSync(join(folder, config), JSON.stringify({ compilerOptions, files: names }))
    const check = () => execFileSync(join(programs, 'node_modules/.bin/tsc'), ['-p', config], { cwd: folder, encoding: 'utf8' })
    expect(toOutput(check)).toBe('')
  },
)

/** Returns the output of a program, also if it fails. */
function toOutput(run: () => string): string {
  try {
    return run()
  } catch (error) {
    return (error as { stdout: string }).stdout
  }
}

test('every framework of the page is one of these snippets', () => {
  expect(files.map(([file]) => file)).toEqual([
    'jwt.ts',
    'hono.ts',
    'express.ts',
    'fastify.ts',
    'app/ai/[[...path]]/route.ts',
    'src/routes/ai/[...path]/+server.ts',
    'server/routes/ai/[...].ts',
    'bun.ts',
  ])
})

describe.each([
  ['hono.ts', 'node'],
  ['express.ts', 'node'],
  ['fastify.ts', 'node'],
  ['nuxt.ts', 'node'],
  ['hono-on-bun.ts', 'bun'],
] as const)('%s', (file, command) => {
  describeEmbedded(() => ({ folder, command, file }), { hasPage: false, drains: false })
})

test('a parser in front of Sluice eats the body, unless it keeps the bytes', async () => {
  const app = await startApp({ folder, command: 'node', file: 'parsers.ts' }, { SLUICE_DEMO: '1' })
  try {
    const headers = { 'content-type': 'application/json' }
    const post = (path: string) => fetch(app.url + path, { method: 'POST', headers, body: '{"text":"Hi","prompt":"Hi"}' })
    const kept = await post('/ai/chat')
    expect(kept.status).toBe(200)
    await kept.body?.cancel()
    const eaten = await post('/ai/api/generate')
    expect(eaten.status).toBe(400)
    expect(await eaten.json()).toMatchObject({ code: 'invalid_json' })
  } finally {
    await app.stop()
  }
})
