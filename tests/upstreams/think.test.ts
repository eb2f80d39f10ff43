import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { json, replay, silent, withoutThinking, tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Script, type Upstream as Fixture } from '#fake-ollama/upstream.ts'
import type { GenerationCall } from '../../src/generation.ts'
import { createThink } from '../../src/upstreams/think.ts'
import type { CallContext, Upstream } from '../../src/upstreams/upstream.ts'
import { upstreamContract } from '../contracts/upstream.ts'
import { ollamaOverHttp } from './ollama-over-http.ts'

const createOver = (url: string) => createThink({ upstream: ollamaOverHttp(url), maxLoads: 2, now: () => performance.now() })

upstreamContract('Ollama, and a wish for thinking', createOver)

let fixture: Fixture
let upstream: Upstream

beforeEach(async () => {
  fixture = await startUpstream()
  upstream = createOver(fixture.url)
})
afterEach(async () => {
  await expect.poll(() => fixture.open).toBe(0)
  await fixture.close()
})

const able = ['completion', 'thinking']
const unable = ['completion']
const toList = (models: Readonly<Record<string, unknown>>) =>
  json({ models: Object.entries(models).map(([name, capabilities]) => ({ name, capabilities })) })
const list = (models: Readonly<Record<string, unknown>>) => fixture.on('GET /api/tags', toList(models))
const asked = () => fixture.requests.map(({ target }) => target)

/**
 * Runs a generation with a wish for thinking. Returns Ollama's request bodies and the ignored
 * fields.
 */
async function generate(script: Script, more: Partial<GenerationCall> = {}, context: Partial<CallContext> = {}) {
  const model = fixture.script(script, more.model)
  const ignored: string[] = []
  const call = { endpoint: 'chat', body: { think: true, options: {} }, thinkWish: 'reasoning_effort', ...more, model } as const
  try {
    const { signal } = new AbortController()
    const generation = await upstream.generate(call, { signal, ignore: (path) => ignored.push(path), ...context })
    await generation.flow(() => {})
    generation.close({ how: 'done' })
    return { ignored, bodies: fixture.requestsFor(model).map((request) => request.json) }
  } catch (error) {
    return { ignored, bodies: fixture.requestsFor(model).map((request) => request.json), error }
  }
}

const answer = tokens({ count: 2 })
const toBody = (model: string, think?: unknown) => ({ model, stream: true, options: {}, ...(think !== undefined && { think }) })

describe('a wish for thinking', () => {
  test('for a model that can think is sent', async () => {
    list({ 'm:latest': able })
    expect(await generate(answer, { model: 'm' })).toEqual({ ignored: [], bodies: [toBody('m', true)] })
  })

  test.each(['m', 'M:latest', 'library/m', 'registry.ollama.ai/library/m'])(
    'for a model that cannot think is removed, and named as ignored: %s',
    async (model) => {
      list({ 'other:latest': able, 'm:latest': unable })
      expect(await generate(answer, { model })).toEqual({ ignored: ['reasoning_effort'], bodies: [toBody(model)] })
      expect(asked()).toEqual(['/api/tags', '/api/chat'])
    },
  )

  test.each<[string, () => unknown]>([
    ['an older Ollama, whose list has no capabilities', () => list({ 'm:latest': undefined })],
    ['a model that is not listed', () => list({ 'other:latest': unable })],
    ['capabilities of another shape', () => list({ 'm:latest': 'completion' })],
    ['a list of another shape', () => fixture.on('GET /api/tags', json({ models: [null, 7, { name: 5 }] }))],
    ['no list', () => fixture.on('GET /api/tags', json({ error: 'no' }, 500))],
    ['a list that does not come', () => fixture.on('GET /api/tags', silent())],
  ])('is sent with %s, and once more without it if Ollama says that the model cannot', async (_, prepare) => {
    prepare()
    expect(await generate(answer, { model: 'm' })).toEqual({ ignored: [], bodies: [toBody('m', true)] })
    expect(await generate(withoutThinking(answer), { model: 'm' })).toEqual({
      ignored: ['reasoning_effort'],
      bodies: [toBody('m', true), toBody('m', true), toBody('m')],
    })
  })

  test.each(['high', 'max', 'a level of tomorrow'])('may be a level: %s', async (think) => {
    list({ 'm:latest': able })
    expect(await generate(answer, { model: 'm', body: { think, options: {} } })).toEqual({
      ignored: [],
      bodies: [toBody('m', think)],
    })
    list({})
    const { bodies } = await generate(withoutThinking(answer), { model: 'n', body: { think, options: {} } })
    expect(bodies).toEqual([toBody('n', think), toBody('n')])
  })

  test.each<[string, Script, string]>([
    ['another refusal', replay('error-no-tools'), 'upstream_rejected'],
    ['a busy server', replay('error-busy'), 'upstream_busy'],
    ['a failure with the same words', json({ error: 'it does not support thinking' }, 500), 'upstream_failed'],
  ])('is sent once if the answer is %s', async (_, script, code) => {
    list({})
    const { bodies, error } = await generate(script)
    expect(error).toMatchObject({ code })
    expect(bodies).toHaveLength(1)
  })

  test('is removed for one retry: a second refusal is passed on', async () => {
    list({})
    const { bodies, error, ignored } = await generate(replay('error-no-thinking'))
    expect(error).toMatchObject({ code: 'upstream_rejected', status: 400 })
    expect(bodies).toHaveLength(2)
    expect(ignored).toEqual(['reasoning_effort'])
  })

  test('is removed even if the caller does not collect ignored fields', async () => {
    list({ 'm:latest': unable })
    const { bodies } = await generate(answer, { model: 'm' }, { ignore: undefined } as object)
    expect(bodies).toEqual([toBody('m')])
  })

  test('requests the list once in 30 s, and twice for 20 simultaneous calls', async () => {
    list({ 'm:latest': unable })
    fixture.script(answer, 'm')
    const { signal } = new AbortController()
    const call = { endpoint: 'chat', model: 'm', body: { think: true }, thinkWish: 'think' } as const
    const ask = async () => {
      const generation = await upstream.generate(call, { signal })
      await generation.flow(() => {})
      generation.close({ how: 'done' })
    }
    await Promise.all(Array.from({ length: 20 }, ask))
    await ask()
    expect(asked().filter((target) => target === '/api/tags')).toHaveLength(2)
    expect(fixture.requestsFor('m').map((request) => (request.json as { think?: unknown }).think)).toEqual(
      Array(21).fill(undefined),
    )
  })

  test('whose caller disconnects while the list is awaited sends no other request', async () => {
    fixture.on('GET /api/tags', silent())
    const controller = new AbortController()
    const outcome = generate(answer, {}, { signal: controller.signal })
    await expect.poll(asked).toEqual(['/api/tags'])
    const reason = new Error('left')
    controller.abort(reason)
    expect(await outcome).toMatchObject({ error: reason, bodies: [], ignored: [] })
    await fixture.requests[0]!.exchange.closedByReader
  })
})

describe('the list is not requested', () => {
  test.each<[string, Partial<GenerationCall>]>([
    ['Ollama’s own field', { thinkWish: undefined } as object],
    ['a wish not to think', { body: { think: false, options: {} } }],
    ['the absence of a wish', { body: { options: {} } }],
  ])('because of %s', async (_, more) => {
    list({ 'm:latest': unable })
    const { ignored, bodies } = await generate(answer, { model: 'm', ...more })
    expect(asked()).toEqual(['/api/chat'])
    expect(bodies).toEqual([toBody('m', (more.body ?? { think: true })['think'])])
    expect(ignored).toEqual([])
  })

  test('and Ollama’s refusal is passed on, for Ollama’s own field', async () => {
    const { error, bodies } = await generate(withoutThinking(answer), { thinkWish: undefined } as object)
    expect(error).toMatchObject({ code: 'upstream_rejected', message: expect.stringContaining('does not support thinking') })
    expect(bodies).toHaveLength(1)
  })
})
