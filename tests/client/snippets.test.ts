import { build } from 'esbuild'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { lines, replay, thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { startServer, type Server } from '../runtimes/server.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const run = promisify(execFile)
const docs = readFileSync(join(root, 'docs/browser.md'), 'utf8')

/**
 * Stand-ins for the frameworks. Each has the types that its code block in docs/browser.md needs,
 * and a fake that behaves like the framework without a screen.
 */
const frameworks = {
  React: {
    file: 'chat-of-react.tsx',
    types: `declare module 'react' {
      export function useState<T>(initial: T): [T, (value: T) => void]
      export function useState<T>(): [T | undefined, (value: T | undefined) => void]
      export function useRef<T>(initial: T): { current: T }
      export function useEffect(effect: () => void | (() => void), inputs?: readonly unknown[]): void
    }`,
    module: 'react',
    // This fake keeps its state between calls, as React does between renders.
    fake: `const slots = []
      let at = 0
      export const leaving = []
      export const render = (hook) => { at = 0; return hook() }
      const slot = (initial) => (slots[at] ??= { current: initial }, slots[at++])
      export const useRef = slot
      export const useState = (initial) => { const kept = slot(initial); return [kept.current, (value) => void (kept.current = value)] }
      export const useEffect = (effect) => { const kept = slot(false); if (!kept.current) leaving.push(effect()); kept.current = true }`,
    use: `export const start = (url) => {
      const chat = () => render(() => useChat(url))
      return {
        ask: (text) => chat().ask(text),
        stop: () => chat().stop(),
        messages: () => chat().messages,
        error: () => chat().error,
        leave: () => leaving.forEach((leave) => leave()),
      }
    }`,
    uses: ['render', 'leaving'],
  },
  Vue: {
    file: 'chat-of-vue.ts',
    types: `declare module 'vue' {
      export function ref<T>(initial: T): { value: T }
      export function ref<T>(): { value: T | undefined }
      export function onScopeDispose(leave: () => void): void
    }`,
    module: 'vue',
    fake: `export const leaving = []
      export const ref = (value) => ({ value })
      export const onScopeDispose = (leave) => void leaving.push(leave)`,
    use: `export const start = (url) => {
      const chat = useChat(url)
      return { ...chat, messages: () => chat.messages.value, error: () => chat.error.value, leave: () => leaving.forEach((leave) => leave()) }
    }`,
    uses: ['leaving'],
  },
  Svelte: {
    file: 'chat-of-svelte.ts',
    types: `declare module 'svelte' {
      export function onDestroy(leave: () => void): void
    }
    declare function $state<T>(initial: T): T`,
    module: 'svelte',
    fake: `export const leaving = []
      globalThis.$state = (initial) => initial
      export const onDestroy = (leave) => void leaving.push(leave)`,
    use: `export const start = (url) => {
      const { chat, ask, stop } = createChat(url)
      return { ask, stop, messages: () => chat.messages, error: () => chat.error, leave: () => leaving.forEach((leave) => leave()) }
    }`,
    uses: ['leaving'],
  },
}

interface Chat {
  ask(text: string): Promise<void>
  stop(): void
  messages(): { role: string; content: string }[]
  error(): unknown
  leave(): void
}

/** Returns the first block of code under a heading. */
function toSnippet(heading: string): string {
  const [, code] = new RegExp(`^## ${heading}\\n[\\s\\S]*?^\`\`\`\\w+\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(docs) ?? []
  if (code === undefined) throw new Error(`Cannot read the page: nothing under ${heading}`)
  return code
}

let folder: string
let upstream: Upstream
let server: Server
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-snippets-'))
  mkdirSync(join(folder, 'node_modules/sluice'), { recursive: true })
  const client = join(folder, 'node_modules/sluice/client')
  writeFileSync(`${client}.js`, readFileSync(join(root, 'dist/client.js')))
  writeFileSync(`${client}.d.ts`, readFileSync(join(root, 'dist/client.d.ts')))
  writeFileSync(
    join(folder, 'node_modules/sluice/package.json'),
    '{"type":"module","exports":{"./client":{"types":"./client.d.ts","default":"./client.js"}}}',
  )
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  upstream = await startUpstream()
  server = await startServer('node', { OLLAMA_HOST: upstream.url, SLUICE_LOG: 'silent', SLUICE_MODEL: 'm' })
})
afterAll(async () => {
  await server?.stop()
  await upstream?.close()
  rmSync(folder, { recursive: true, force: true })
})

test('every code block passes the TypeScript compiler', async () => {
  const files = Object.entries(frameworks).flatMap(([name, { file, types }]) => {
    writeFileSync(join(folder, file), toSnippet(name))
    writeFileSync(join(folder, `${name}.d.ts`), types)
    return [file, `${name}.d.ts`]
  })
  const compilerOptions = {
    strict: true,
    noUncheckedIndexedAccess: true,
    target: 'es2022',
    module: 'nodenext',
    jsx: 'preserve',
    types: [],
    noEmit: true,
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
  const { stdout } = await run(join(root, 'node_modules/.bin/tsc'), ['-p', '.'], { cwd: folder }).catch(
    (error) => error as { stdout: string },
  )
  expect(stdout).toBe('')
})

describe.each(Object.entries(frameworks))('%s', (name, { file, module, fake, use, uses }) => {
  /** Mounts a component of the snippet. */
  async function mount(): Promise<Chat> {
    const outfile = join(folder, `${file}-${Math.random()}.mjs`)
    await build({
      stdin: {
        contents: `import { ${uses.join(', ')} } from '${module}'\n${toSnippet(name)}\n${use}`,
        loader: 'tsx',
        resolveDir: folder,
      },
      bundle: true,
      format: 'esm',
      outfile,
      plugins: [
        {
          name: 'fake',
          setup({ onResolve, onLoad }) {
            onResolve({ filter: new RegExp(`^${module}$`) }, () => ({ path: module, namespace: 'fake' }))
            onLoad({ filter: /./, namespace: 'fake' }, () => ({ contents: fake }))
          },
        },
      ],
    })
    const { start } = (await import(pathToFileURL(outfile).href)) as { start(url: string): Chat }
    return start(`${server.url}/api/chat`)
  }

  test('sends the history with each question', async () => {
    const chat = await mount()
    upstream.script(tokens({ count: 2 }), 'm')
    await chat.ask('One?')
    await chat.ask('Two?')
    const answer = { role: 'assistant', content: ' token token' }
    const asked = [{ role: 'user', content: 'One?' }, answer, { role: 'user', content: 'Two?' }]
    expect(chat.messages()).toEqual([...asked, answer])
    expect(upstream.requestsFor('m').at(-1)?.json).toMatchObject({ messages: asked })
    expect(chat.error()).toBeUndefined()
  })

  test.each(['leave', 'stop'] as const)('%s ends the answer without an error and keeps its text', async (how) => {
    const chat = await mount()
    upstream.script(thenSilent(1), 'm')
    const asking = chat.ask('One?')
    await expect.poll(() => chat.messages().at(-1)?.content).toBe(' token')
    chat[how]()
    await asking
    await upstream.requestsFor('m').at(-1)?.exchange.closedByReader
    expect(chat.messages().at(-1)?.content).toBe(' token')
    expect(chat.error()).toBeUndefined()
  })

  test('a new question stops the answer before it, whose text no longer changes', async () => {
    const chat = await mount()
    upstream.script(thenSilent(1), 'm')
    const first = chat.ask('One?')
    await expect.poll(() => chat.messages().at(-1)?.content).toBe(' token')
    const { exchange } = upstream.requestsFor('m').at(-1) ?? {}
    upstream.script(tokens({ count: 2 }), 'm')
    await chat.ask('Two?')
    await first
    await exchange?.closedByReader
    expect(chat.messages().map(({ content }) => content)).toEqual(['One?', ' token', 'Two?', ' token token'])
  })

  test('an answer that fails keeps its text, and sets the error', async () => {
    const chat = await mount()
    upstream.script(lines(['{"message":{"content":"Hi"}}', '{"error":"the runner died"}']), 'm')
    await chat.ask('One?')
    expect(chat.messages().at(-1)?.content).toBe('Hi')
    expect(chat.error()).toMatchObject({ name: 'ChatStreamError', code: 'upstream_failed' })
    upstream.script(replay('error-busy'), 'm')
    await chat.ask('Two?')
    expect(chat.error()).toMatchObject({ name: 'ChatHttpError', status: 503 })
  })
})
