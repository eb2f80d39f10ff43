import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { lines, silent, thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Exchange, type Upstream } from '#fake-ollama/upstream.ts'
import { startServer, type Server } from '../runtimes/server.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const run = promisify(execFile)
let upstream: Upstream
let server: Server
/** The folder of another project, which has installed the package from `npm pack`. */
let consumer: string

beforeAll(async () => {
  consumer = mkdtempSync(join(tmpdir(), 'sluice-client-'))
  const installed = join(consumer, 'node_modules/sluice')
  mkdirSync(installed, { recursive: true })
  writeFileSync(join(consumer, 'package.json'), '{"type":"module"}')
  upstream = await startUpstream()
  const [started] = await Promise.all([
    startServer('node', { OLLAMA_HOST: upstream.url, SLUICE_LOG: 'silent' }),
    run('npm', ['pack', '--silent', '--offline', '--pack-destination', consumer], { cwd: root }),
  ])
  server = started
  const [archive] = readdirSync(consumer).filter((name) => name.endsWith('.tgz'))
  await run('tar', ['-xzf', join(consumer, archive!), '-C', installed, '--strip-components=1'])
}, 60_000)
afterAll(async () => {
  await server?.stop()
  await upstream?.close()
  rmSync(consumer, { recursive: true, force: true })
})

/** Returns the block of docs/browser.md that contains `mark`. */
function toSnippet(mark: string): string {
  const page = readFileSync(join(root, 'docs/browser.md'), 'utf8')
  const block = [...page.matchAll(/^```\w+\n([\s\S]*?)^```$/gm)]
    .map(([, code = '']) => code)
    .find((code) => code.includes(mark))
  if (block === undefined) throw new Error(`Cannot read the page: no block has '${mark}'`)
  return block
}

test('the client has no dependency, and at most 3,200 bytes gzipped', () => {
  const text = readFileSync(join(consumer, 'node_modules/sluice/dist/client.js'))
  expect(gzipSync(text, { level: 9 }).byteLength).toBeLessThanOrEqual(3200)
  expect(text.toString()).not.toMatch(/\bimport\b|\brequire\b|process\.|Buffer/)
  expect(readdirSync(join(consumer, 'node_modules/sluice/dist'))).toEqual(expect.arrayContaining(['client.d.ts', 'client.js']))
})

test.each(['node', 'bun'])('the snippet of the page runs on %s', async (runtime) => {
  const code = toSnippet('process.stdout').replace('http://127.0.0.1:8083', server.url)
  writeFileSync(join(consumer, 'chat.js'), code.replace("'demo'", `'${upstream.script(tokens({ count: 3 }))}'`))
  const { stdout } = await run(join(root, 'node_modules/.bin', runtime), ['chat.js'], { cwd: consumer })
  expect(stdout).toMatch(/^ token token token\n3 tokens, 33\.3\d* per second\n$/)
})

test('the retryOnce snippet retries once, when the response has Retry-After', async () => {
  let asked = 0
  const refuses = (exchange: Exchange) => {
    asked++
    exchange.head(503, { 'retry-after': '0', 'content-length': '0' })
    exchange.end()
  }
  const busy = upstream.script(refuses)
  const ask = `() => streamChat({ url: '${server.url}/api/chat', body: { model: '${busy}', messages: [{ role: 'user', content: 'Hi' }] } })`
  const use = `import { streamChat } from 'sluice/client'\nawait retryOnce(${ask}).catch((error) => console.log(error.status))`
  writeFileSync(join(consumer, 'retry.js'), `${toSnippet('retryOnce')}\n${use}`)
  expect(await run(process.execPath, ['retry.js'], { cwd: consumer })).toMatchObject({ stdout: '503\n' })
  expect(asked).toBe(2)
})

test.each(['node', 'bun'])('the readAnswer snippet reads one answer in two tabs on %s', async (runtime) => {
  const model = upstream.script(tokens({ count: 20, perSecond: 100 }))
  writeFileSync(
    join(consumer, 'resume.js'),
    `${toSnippet('readAnswer')}
     const kept = new Map()
     const storage = {
       getItem: (name) => kept.get(name) ?? null,
       setItem: (name, value) => kept.set(name, value),
       removeItem: (name) => kept.delete(name),
     }
     const options = { url: '${server.url}/api/chat', body: { model: '${model}', messages: [] }, storage }
     const texts = ['', '']
     let other
     await readAnswer({ ...options, onText(text) {
       texts[0] += text
       other ??= readAnswer({ ...options, onText: (text) => void (texts[1] += text) })
     } })
     await other
     console.log(JSON.stringify([texts, kept.size]))`,
  )
  const { stdout } = await run(join(root, 'node_modules/.bin', runtime), ['resume.js'], { cwd: consumer })
  expect(JSON.parse(stdout)).toEqual([[' token'.repeat(20), ' token'.repeat(20)], 0])
  expect(upstream.requestsFor(model)).toHaveLength(1)
})

test.each(['node', 'bun'])(
  'break, return(), the signal and the time limit stop the upstream on %s, and failures are typed',
  async (runtime) => {
    const stalled = upstream.script(thenSilent(1))
    const queued = upstream.script(silent())
    const failing = upstream.script(lines(['{"message":{"content":"Hi"}}', '{"error":"the runner died"}']))
    writeFileSync(
      join(consumer, 'leave.js'),
      `import { streamChat, ChatHttpError, ChatStreamError } from 'sluice/client'
     const ask = (model, options) => streamChat({ url: '${server.url}/api/chat', body: { model, messages: [] }, ...options })
     const tell = (answer) => answer.catch((error) => console.log(error.name, error.code, error instanceof ChatHttpError, error instanceof ChatStreamError))

     const left = ask('${stalled}')
     for await (const event of left) if (event.type === 'delta') break
     await tell(left.text())

     const waiting = ask('${stalled}')
     for (let event; event?.type !== 'delta'; ) event = (await waiting.next()).value
     const next = waiting.next()
     await waiting.return()
     console.log((await next).done)

     await tell(ask('${queued}', { signal: AbortSignal.timeout(400) }).text())
     await tell(ask('${stalled}', { idleTimeoutMs: 400 }).text())
     await tell(ask('${failing}').text())
     await tell(ask(1).text())
     console.log('end')`,
    )
    const { stdout } = await run(join(root, 'node_modules/.bin', runtime), ['leave.js'], { cwd: consumer })
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(/^AbortError \d+ false false$/),
      'true',
      expect.stringMatching(/^TimeoutError \d+ false false$/),
      'ChatStreamError idle_timeout false true',
      'ChatStreamError upstream_failed false true',
      'ChatHttpError invalid_request true false',
      'end',
      '',
    ])
    for (const model of [stalled, stalled, queued, stalled]) await (await upstream.next(model)).exchange.closedByReader
  },
)

describe('the types of the client', () => {
  const check = async (libraries: string[], types: string[]) => {
    writeFileSync(
      join(consumer, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          strict: true,
          exactOptionalPropertyTypes: true,
          target: 'es2022',
          module: 'nodenext',
          lib: ['es2022', ...libraries],
          types,
          typeRoots: [join(root, 'node_modules/@types')],
          noEmit: true,
        },
        files: ['chat.ts'],
      }),
    )
    const { stdout } = await run(join(root, 'node_modules/.bin/tsc'), ['-p', '.'], { cwd: consumer }).catch(
      (error) => error as { stdout: string },
    )
    return stdout
  }
  const good = `
    import { streamChat, ChatHttpError, type ChatEvent } from 'sluice/client'
    const { signal } = new AbortController()
    const stream = streamChat({ url: '/api/chat', body: { messages: [] }, signal, headers: { prefer: 'status' }, fetch, idleTimeoutMs: 0 })
    streamChat({ url: '/api/chat', body: {}, resume: true })
    streamChat({ url: '/api/chat', resume: '/streams/0', headers: { authorization: 'Bearer k' } })
    for await (const event of stream) {
      if (event.type === 'start') event.stream?.trim()
      if (event.type === 'reconnecting') event.attempt + event.delayMs
      if (event.type === 'resumed') stream.stop().then(() => {})
      if (event.type === 'delta') event.text.trim()
      if (event.type === 'tool_call') event.arguments['x']
      if (event.type === 'failed') throw new Error(event.message + event.code)
    }
    const toText = (event: ChatEvent): string => (event.type === 'thinking' ? event.text : '')
    try {
      const { text, usage, firstTokenMs, tokensPerSecond } = await stream.final()
      text + toText({ type: 'delta', text: '' }) + (usage.promptTokens ?? 0) + usage.tokens + (firstTokenMs ?? 0) + (tokensPerSecond ?? 0)
    } catch (error) {
      if (error instanceof ChatHttpError) error.retryAfter?.toFixed()
    }
    export {}
  `

  test.each([
    ['of a browser', ['dom', 'dom.iterable'], []],
    ['of Node', [], ['node']],
  ])('compile with the libraries %s, without skipLibCheck', async (_name, libraries, types) => {
    writeFileSync(join(consumer, 'chat.ts'), good)
    expect(await check(libraries, types)).toBe('')
  })

  test('reject wrong code', async () => {
    writeFileSync(
      join(consumer, 'chat.ts'),
      `import { streamChat } from 'sluice/client'
       streamChat({ url: '/chat' })
       for await (const event of streamChat({ url: '/chat', body: {} })) event.text
       for await (const event of streamChat({ url: '/chat', body: {} })) if (event.type === 'token') break
       streamChat({ url: '/chat', resume: true })`,
    )
    const lines = [...(await check(['dom'], [])).matchAll(/chat\.ts\((\d)/g)].map(([, line]) => line)
    expect(lines).toEqual(['2', '3', '4', '5'])
  })
})
