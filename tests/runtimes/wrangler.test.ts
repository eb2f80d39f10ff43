import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { refusedUrl } from '#fake-ollama/faults.ts'
import { toCodeBytes } from '../lab/code-size.ts'
import { generate, read, readAll, toTold } from './reader.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Runs an npm script in its own process group. The script never prompts and sends no metrics. */
function run(...args: readonly string[]): { child: ChildProcess; output: () => string } {
  const child = spawn('npm', ['run', ...args], {
    cwd: root,
    detached: true,
    env: { ...process.env, CI: '1', WRANGLER_SEND_METRICS: 'false', CLOUDFLARE_CF_FETCH_ENABLED: 'false', NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data: Buffer) => (said += data.toString()))
  return { child, output: () => said }
}

/**
 * Starts `wrangler dev` on a free port, with the demo as its upstream, and waits until it answers.
 * Stops it after the tests of the `describe`.
 */
function useDev(toArguments: () => readonly string[] = () => []) {
  const dev = {} as ReturnType<typeof run> & { url: string }
  beforeAll(async () => {
    const url = await refusedUrl()
    const port = new URL(url).port
    Object.assign(dev, run('start:worker', '--', '--port', port, '--var', 'SLUICE_DEMO:1', ...toArguments()), { url })
    const deadline = performance.now() + 60_000
    for (;;) {
      if (await readAll(read(dev, { path: '/ping' })).catch(() => undefined)) return
      if (performance.now() > deadline || dev.child.exitCode !== null)
        throw new Error(`wrangler dev does not answer:\n${dev.output()}`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }, 90_000)
  afterAll(async () => {
    process.kill(-dev.child.pid!, 'SIGTERM')
    await once(dev.child, 'exit')
    // No process may listen on the port any more, because the whole process group must have ended,
    // including workerd.
    await expect(readAll(read(dev, { path: '/ping' }))).rejects.toThrow()
  }, 30_000)
  return dev
}

describe('wrangler dev', () => {
  const dev = useDev()

  test('streams a chat, token by token', async () => {
    const body = { messages: [{ role: 'user', content: 'Hi' }], options: { num_predict: 12 } }
    const reader = generate(dev, 'sse', body, { path: '/api/chat' })
    await reader.until((text) => text.split('data: ').length > 3, 15_000)
    expect(reader.isEnded).toBe(false)
    expect(await reader.ended).toBe('clean')
    const { chunks, text, failed } = toTold('sse', reader.text)
    expect(failed).toBeUndefined()
    expect(text).not.toBe('')
    expect(chunks.at(-1)).toMatchObject({ done: true, model: expect.stringContaining('demo') })
  })

  test('stops the upstream when a reader disconnects', async () => {
    const body = { prompt: 'Hi', options: { num_predict: -1 } }
    const reader = generate(dev, 'sse', body, { headers: { 'x-request-id': 'leaving' } })
    await reader.until((text) => text.split('data: ').length > 3, 15_000)
    reader.leave()
    await expect.poll(dev.output, { timeout: 5000 }).toMatch(/"request_id":"leaving".*"ended":"left"/)
  })
})

describe('wrangler dev with the rate limiter of docs/deploy.md', () => {
  let folder: string
  const dev = useDev(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-limiter-'))
    const config = join(folder, 'wrangler.toml')
    const [, block = ''] = /^```toml\n([\s\S]*?)^```$/m.exec(readFileSync(`${root}docs/deploy.md`, 'utf8')) ?? []
    const own = readFileSync(`${root}wrangler.toml`, 'utf8').replaceAll(/= "(?:\.\/)?(src\/.*)"$/gm, `= "${root}$1"`)
    writeFileSync(config, `${own}\n${block}`)
    return ['--config', config]
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  test('counts by the binding, and reports the limit in headers', async () => {
    const ask = () => readAll(read(dev, { path: '/api/version' }))
    const answers = []
    // Each period is a minute of the clock. During these requests one period may end, but not two.
    // So at least 61 of the 121 requests are in the same period, and the limit is 60.
    for (let i = 0; i < 121; i++) answers.push(await ask())
    const refused = answers.find(({ status }) => status !== 200)
    expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '60', 'ratelimit-policy': '"minute";q=60;w=60' } })
    expect(refused!.headers).not.toHaveProperty('ratelimit')
    expect(answers.findIndex(({ status }) => status !== 200)).toBeGreaterThanOrEqual(60)
    expect(await readAll(read(dev, { path: '/ping' }))).toMatchObject({ status: 200 })
  })
})

test(
  'npm run deploy bundles the Worker without Node modules and the emulator, as 80 kB of code at most, gzipped',
  { timeout: 60_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-deploy-'))
    const deploy = run('deploy', '--', '--dry-run', '--outdir', folder)
    const [status] = (await once(deploy.child, 'exit')) as [number | null]
    expect(status, deploy.output()).toBe(0)
    const bundle = readFileSync(join(folder, 'worker.js'), 'utf8')
    rmSync(folder, { recursive: true })
    expect(bundle).toContain('Sluice is running')
    expect(bundle).not.toMatch(/from ?["'](node:|bun)/)
    expect(bundle, 'a polyfill of fetch').not.toContain('XMLHttpRequest')
    expect(bundle).toContain('this Worker has no emulator')
    expect(toCodeBytes(bundle), 'the limit of the own code, gzipped').toBeLessThanOrEqual(80_000)
    expect(bundle, 'the answers of the emulator').not.toContain('completion-request')
  },
)
