import { describe, expect, onTestFinished, test } from 'vitest'
import { thenSilent } from '#fake-ollama/scripts.ts'
import { askToResume, read, readAll, toSseEvents } from '../runtimes/reader.ts'
import { toRunPath } from '../runtimes/resumable.ts'
import { startCrowd } from './crowd.ts'
import { startRedis } from './redis-server.ts'

/** Starts two processes whose Redis takes up no write for this long. */
async function start(runtime: 'node' | 'bun', pauseMs: number) {
  const redis = await startRedis()
  onTestFinished(redis.stop)
  const { servers, upstream } = await startCrowd({ runtime, url: redis.url, env: { SLUICE_GRACE_MS: '0' } })
  await redis.command('CLIENT', 'PAUSE', `${pauseMs}`, 'WRITE')
  return { servers, upstream, model: upstream.script(thenSilent(1)) }
}

describe.each(['node', 'bun'] as const)('%s: with a slow Redis', (runtime) => {
  test('whoever has the head of a stream finds its run at the other process', async () => {
    const { servers, model } = await start(runtime, 100)
    const stream = askToResume({ server: servers[0] }, model)
    const run = toRunPath(await stream.head)
    expect(await readAll(read(servers[1], { path: run, method: 'DELETE' }))).toMatchObject({ status: 204 })
    expect(toSseEvents((await readAll(stream)).text).at(-1)!.data).toContain('"cancelled"')
  })

  test('whoever has the id of a background response finds it at the other process', async () => {
    const { servers, upstream, model } = await start(runtime, 100)
    const body = { model, input: 'Hi', background: true }
    const { id } = JSON.parse((await readAll(read(servers[0], { path: '/v1/responses', body }))).text) as { id: string }
    const path = `/v1/responses/${id}`
    expect(await readAll(read(servers[1], { path, method: 'GET' }))).toMatchObject({ status: 200 })
    expect(await readAll(read(servers[1], { path: `${path}/cancel`, body: {} }))).toMatchObject({ status: 200 })
    await expect.poll(() => upstream.open).toBe(0)
  })

  test('a head waits for a quarter of a second at most', async () => {
    const { servers, model } = await start(runtime, 4000)
    const startedAt = performance.now()
    const stream = askToResume({ server: servers[0] }, model)
    expect((await stream.head).status).toBe(200)
    expect(performance.now() - startedAt).toBeLessThan(1000)
    stream.leave()
  })
})
