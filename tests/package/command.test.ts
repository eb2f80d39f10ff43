import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { basename, dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { createConsumer, runtimes, type Consumer } from './consumer.ts'

let consumer: Consumer
beforeAll(async () => {
  consumer = await createConsumer('npm', { sluice: `file:${inject('tarball')}` })
})
afterAll(() => consumer?.remove())

/**
 * Starts Sluice, asks the demo, and stops Sluice. Returns the first token, and the time from the
 * start of the command to that token in milliseconds.
 */
async function readFirstToken(
  [file = '', ...args]: readonly string[],
  { cwd, env }: { cwd: string; env?: Readonly<Record<string, string>> } = { cwd: consumer.folder },
): Promise<{ token: string; ms: number }> {
  const startMs = performance.now()
  const child = spawn(file, args, {
    cwd,
    // npx may need settings of npm from the environment.
    env: { ...process.env, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    // npx starts further processes, and all of them end with the group.
    detached: true,
  })
  try {
    let said = ''
    for await (const data of child.stdout) {
      said += String(data)
      const [, url] = /listens on (http:\S+)/.exec(said) ?? []
      if (!url) continue
      const body = JSON.stringify({ model: 'demo', messages: [{ role: 'user', content: 'Hi' }], options: { num_predict: 3 } })
      const response = await fetch(`${url}/api/chat`, { method: 'POST', body })
      for await (const line of response.body!.pipeThrough(new TextDecoderStream()))
        if (line.includes('"content"')) return { token: line, ms: performance.now() - startMs }
    }
    throw new Error(`It ended without an answer:\n${said}`)
  } finally {
    process.kill(-child.pid!, 'SIGTERM')
    await once(child, 'close')
  }
}

const command = `node_modules/sluice/${packageJson.bin.sluice}`

test.each(Object.entries(runtimes))('the installed command answers on %s', async (_name, runtime) => {
  const { token } = await readFirstToken([runtime, command, 'demo'])
  expect(token).toContain('"done":false')
  expect(await consumer.run(runtime, command, '--version')).toMatch(/^sluice \d+\.\d+\.\d+\n$/)
})

test('npx of the package reaches its first token in 5 s, with a warm cache', async () => {
  const npx = ['npx', '--yes', `./${basename(inject('tarball'))}`, 'demo']
  // npx keeps what it has installed, so the tests do not use the cache of this user.
  const options = { cwd: dirname(inject('tarball')), env: { npm_config_cache: join(consumer.folder, 'cache') } }
  await readFirstToken(npx, options)
  const { ms } = await readFirstToken(npx, options)
  console.log(`npx to the first token: ${Math.round(ms)} ms`)
  expect(ms).toBeLessThan(5000)
})
