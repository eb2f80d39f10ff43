import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { askToResume, read, readAll } from './reader.ts'
import { finish, toRecorded } from './resumable.ts'
import { useStage } from './server.ts'

const headers = { authorization: 'Bearer sk-test' }
const keys = `alice:${createHash('sha256').update('sk-test').digest('hex')}`

/** On Workers, the requests of runs go on to Durable Objects, in which the same app runs. */
describe.each(['node', 'bun', 'worker'] as const)('below a path on %s', (runtime) => {
  const base = '/tools/%E6%99%BA'
  const stage = useStage(runtime, { SLUICE_BASE: 'tools//智/', SLUICE_API_KEYS: keys, SLUICE_GRACE_MS: '0' })

  const get = (path: string, more: { method?: string; body?: object } = {}) =>
    readAll(read(stage.server, { path, headers, ...more }))

  test('routes are there, and nothing is beside it', async () => {
    expect(await get(`${base}/ping`)).toMatchObject({ status: 200 })
    expect(await get(`${base}/v1/models`)).toMatchObject({ status: 200 })
    for (const path of ['/ping', '/v1/models', '/', '/tools/', `${base}x/ping`])
      expect(await get(path), path).toMatchObject({ status: 404 })
  })

  test('an answer is resumed, listed, stopped and erased at its address', async () => {
    const model = stage.upstream.script(thenSilent(2))
    const reader = askToResume(stage, model, { path: `${base}/api/generate`, headers })
    const { headers: head } = await reader.head
    const location = head['content-location']!
    expect(location).toMatch(new RegExp(`^${base}/streams/\\w+$`))
    await reader.until((text) => text.split(' token').length > 2)
    const { streams } = JSON.parse((await get(`${base}/streams`)).text) as { streams: { stream: string }[] }
    expect(streams.map(({ stream }) => stream)).toContain(location)
    const viewer = read(stage.server, { path: location, headers })
    await viewer.until((text) => text.split(' token').length > 2)
    finish((await stage.upstream.next(model)).exchange)
    const whole = toRecorded((await readAll(reader)).text)
    expect(toRecorded((await readAll(viewer)).text)).toBe(whole)
    expect(await get(location, { method: 'DELETE' })).toMatchObject({ status: 204 })
    expect(await get(location)).toMatchObject({ status: 404 })
    expect(await get(location.slice(base.length))).toMatchObject({ status: 404 })
  })

  test('a POST with a Last-Event-ID resumes, and DELETE stops the generation', async () => {
    const model = stage.upstream.script(thenSilent(2))
    const path = `${base}/api/generate`
    const reader = askToResume(stage, model, { path, headers })
    const location = (await reader.head).headers['content-location']!
    const id = location.slice(location.lastIndexOf('/') + 1)
    await reader.until((text) => text.includes(`id: ${id}.1\n`))
    const repeated = askToResume(stage, model, { path, headers: { ...headers, 'last-event-id': `${id}.0` } })
    await repeated.until((text) => text.includes(`id: ${id}.1\n`))
    expect(repeated.text).not.toContain(`id: ${id}.0\n`)
    const { exchange } = await stage.upstream.next(model)
    expect(await get(location, { method: 'DELETE' })).toMatchObject({ status: 204 })
    await exchange.ended
    for (const { text } of [await readAll(reader), await readAll(repeated)]) expect(text).toContain('"code":"cancelled"')
  })

  test('the chat of the AI SDK and a background response are found again', async () => {
    const chat = { id: 'chat-of-base', messages: [{ id: '1', role: 'user', parts: [{ type: 'text', text: 'Hi' }] }] }
    const body = { ...chat, model: stage.upstream.script(thenSilent(2)) }
    const reader = read(stage.server, { path: `${base}/api/ui/chat`, headers: { ...headers, prefer: 'resume=30' }, body })
    await reader.until((text) => text.split(' token').length > 2)
    const viewer = read(stage.server, { path: `${base}/api/ui/chat/chat-of-base/stream`, headers })
    await viewer.until((text) => text.split(' token').length > 2)
    expect(await get(`${base}/api/ui/chat/chat-of-base/stop`, { method: 'DELETE' })).toMatchObject({ status: 204 })
    for (const { text } of [await readAll(reader), await readAll(viewer)]) expect(text).toContain('"abort"')
    const model = stage.upstream.script(tokens({ count: 2 }))
    const started = await get(`${base}/v1/responses`, { body: { model, input: 'Hi', background: true } })
    const { id } = JSON.parse(started.text) as { id: string }
    const poll = async () => (JSON.parse((await get(`${base}/v1/responses/${id}`)).text) as { status: string }).status
    await expect.poll(poll).toBe('completed')
  })
})
