import { createHash } from 'node:crypto'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { thenSilent } from '#fake-ollama/scripts.ts'
import { askToResume, generate, read, readAll, readFailure } from '../runtimes/reader.ts'
import { toRunPath } from '../runtimes/resumable.ts'
import { startCrowd } from './crowd.ts'
import { startRedis } from './redis-server.ts'

const headers = { authorization: 'Bearer secret-of-alice' }
const sha256 = createHash('sha256').update('secret-of-alice').digest('hex')
const isFirst = (text: string) => text.includes(' token')

/** Starts two processes with the same file of keys, which has one key. */
async function start(runtime: 'node' | 'bun', key: object = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-keys-'))
  const path = join(folder, 'keys.json')
  const put = (...keys: readonly object[]) => {
    writeFileSync(`${path}.next`, JSON.stringify({ keys }), { mode: 0o600 })
    renameSync(`${path}.next`, path)
  }
  put({ name: 'alice', sha256, ...key })
  const redis = await startRedis()
  const env = { SLUICE_GRACE_MS: '0', SLUICE_API_KEYS_FILE: path }
  const crowd = await startCrowd({ runtime, url: redis.url, env })
  onTestFinished(async () => {
    await redis.stop()
    rmSync(folder, { recursive: true })
  })
  return { ...crowd, put, model: crowd.upstream.script(thenSilent(1)) }
}

describe.each(['node', 'bun'] as const)('%s: keys of two processes', (runtime) => {
  test('a revoked key’s answers end in both, and a viewer at the other process gets the terminal', async () => {
    const { servers, upstream, put, model } = await start(runtime)
    const reader = askToResume({ server: servers[0] }, model, { headers })
    const run = toRunPath(await reader.head)
    const viewer = read(servers[1], { path: run, headers })
    await viewer.until(isFirst)
    const other = generate(servers[1], 'sse', upstream.script(thenSilent(1)), { headers })
    await other.until(isFirst)
    put()
    for (const one of [reader, viewer, other]) {
      const { text, ended } = await readAll(one)
      expect(text).toMatch(/event: failed\ndata: .*"code":"unauthorized"/)
      expect(ended).toBe('clean')
    }
    await expect.poll(() => upstream.open).toBe(0)
    for (const server of servers) expect(await readAll(read(server, { path: run, headers }))).toMatchObject({ status: 401 })
  })

  test('the limits of a key hold for both together', async () => {
    const { servers, upstream, model } = await start(runtime, { streams: 1 })
    const reader = generate(servers[0], 'sse', model, { headers })
    await reader.until(isFirst)
    const second = await readFailure(generate(servers[1], 'sse', upstream.script(thenSilent(1)), { headers }))
    expect(second).toMatchObject({ status: 429, error: expect.stringContaining('More than 1 answers') })
    reader.leave()
  })
})
