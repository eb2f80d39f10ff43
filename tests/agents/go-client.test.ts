import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { loadRecording, toLines } from '#fake-ollama/recording.ts'
import { answer, json, lines, tokens } from '#fake-ollama/scripts.ts'
import type { Script } from '#fake-ollama/upstream.ts'
import { deaths, twoTokensThen } from '../runtimes/deaths.ts'
import { toText, type Chunk } from '../runtimes/reader.ts'
import { countRequests, useStage } from '../runtimes/server.ts'
import { callTools, type Message } from './call-tools.ts'
import { useOutside } from './outside.ts'
import { runProgram } from './run-program.ts'

const secret = 'sluice-secret'
const keys = `me:${createHash('sha256').update(secret).digest('hex')}`
const recorded = (name: string) => JSON.parse(toLines(loadRecording(name)).join('')) as Record<string, unknown>
const listed = (name: string) => ({ models: (recorded(name).models as { name: string }[]).map(({ name }) => ({ name })) })
const blob = 'a blob of our own'
const digest = `sha256:${createHash('sha256').update(blob).digest('hex')}`
const progress = lines(['{"status":"on its way","total":2,"completed":1}', '{"status":"success"}'])
const told = [{ status: 'on its way', total: 2, completed: 1 }, { status: 'success' }]
const nothing = answer(200, {}, '')
const tool = { name: 'get_weather', arguments: { city: 'Tokyo' } }

/**
 * The calls that need no model. Each row contains the client's method, the route, Ollama's answer
 * on that route, the body that Ollama receives, and the client's results.
 */
const whole: readonly (readonly [method: string, route: string, says: Script, asked: object | undefined, got: unknown[]])[] = [
  ['Heartbeat', 'HEAD /', nothing, undefined, []],
  ['Version', 'GET /api/version', json({ version: '0.33.0' }), undefined, ['0.33.0']],
  ['List', 'GET /api/tags', json(recorded('tags')), undefined, [listed('tags')]],
  ['ListRunning', 'GET /api/ps', json(recorded('ps')), undefined, [listed('ps')]],
  ['Show', 'POST /api/show', json(recorded('show')), { model: 'm' }, [{ capabilities: recorded('show').capabilities }]],
  ['Embed', 'POST /api/embed', json({ model: 'm', embeddings: [[0.5]] }), { input: 'Hi' }, [{ embeddings: [[0.5]] }]],
  ['Embeddings', 'POST /api/embeddings', json({ embedding: [0.5] }), { prompt: 'Hi' }, [{ embedding: [0.5] }]],
  ['Pull', 'POST /api/pull', progress, { model: 'm' }, told],
  ['Push', 'POST /api/push', progress, { model: 'm' }, told],
  ['Create', 'POST /api/create', progress, { model: 'm', from: 'gemma3:270m', parameters: { temperature: 0.5 } }, told],
  ['Copy', 'POST /api/copy', nothing, { source: 'm', destination: 'copied' }, []],
  ['Delete', 'DELETE /api/delete', nothing, { model: 'm' }, []],
  ['CreateBlob', `POST /api/blobs/${digest}`, nothing, undefined, []],
]

/**
 * With these methods, a client would act under the identity of Ollama's machine. Sluice does not
 * pass them on.
 */
const closed = [
  'CloudStatusExperimental',
  'Disconnect',
  'ModelRecommendationsExperimental',
  'Signout',
  'WebFetchExperimental',
  'WebSearchExperimental',
  'Whoami',
]

describe('Ollama’s Go client', () => {
  const stage = useStage('node', { SLUICE_MANAGEMENT: '1' })
  const outside = useOutside()

  async function call(method: string, model = 'm', { url = stage.server.url, key = 'none' } = {}) {
    const env = { ...outside.env, OLLAMA_HOST: `${url}/ollama`, KEY: key }
    const { status, out, all } = await runProgram(`client ${method} ${model}`, { env })
    const got = out.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Chunk]))
    return { status, got, all }
  }

  test('has exactly the methods that this file tests', async () => {
    const { got } = await call('methods')
    expect(got).toEqual([[...whole.map(([method]) => method), ...closed, 'Chat', 'Generate'].toSorted()])
  })

  test.each(whole)('%s gets Ollama’s answer to %s', async (method, route, says, asked, got) => {
    const undo = stage.upstream.on(route, says)
    const before = stage.upstream.requests.length
    const said = await call(method)
    undo()
    expect(said.all).not.toContain('Error')
    expect(said).toMatchObject({ status: 0, got })
    const seen = stage.upstream.requests.slice(before).find(({ method, target }) => `${method} ${target}` === route)
    if (asked) expect(seen?.json).toMatchObject(asked)
    if (method === 'CreateBlob') expect(seen?.body).toBe(blob)
  })

  test.each(['Chat', 'Generate'])('%s streams', async (method) => {
    const { status, got, all } = await call(method, stage.upstream.script(tokens({ count: 3 })))
    expect(status, all).toBe(0)
    expect(toText(got)).toBe(' token token token')
    expect(got.at(-1)).toMatchObject({ done: true, eval_count: 3 })
  })

  test('gets a tool call, and sends the tool’s result', async () => {
    const model = stage.upstream.script(callTools(tool))
    const { got, all } = await call('tool', model)
    expect(toText(got), all).toBe('The tool has answered')
    const { messages } = stage.upstream.requestsFor(model).at(-1)!.json as { messages: readonly Message[] }
    expect(messages.slice(-2)).toMatchObject([
      { role: 'assistant', tool_calls: [{ function: tool }] },
      { role: 'tool', content: 'Tokyo has rain', tool_name: 'get_weather' },
    ])
  })

  test.each(closed)('%s gets 404, and no request reaches Ollama', async (method) => {
    const asked = await countRequests(stage, async () => {
      expect(await call(method)).toMatchObject({ status: 1, got: [], all: expect.stringContaining('404') })
    })
    expect(asked).toBe(0)
  })

  test.each(deaths)('fails when the upstream %s in the middle', async (_how, _code, end) => {
    const model = stage.upstream.script(twoTokensThen(end))
    void stage.upstream.next(model).then(({ exchange }) => exchange.pass())
    const { status, all } = await call('Chat', model)
    expect(all).toMatch(/broke in the middle|without finishing|the runner died/)
    expect(status).toBe(1)
  })

  test('fails for a model that does not exist', async () => {
    expect(await call('Chat', 'nobody')).toMatchObject({ status: 1, all: expect.stringContaining("model 'nobody' not found") })
  })

  describe('with keys', () => {
    const locked = useStage('node', { SLUICE_API_KEYS: keys })

    test('sends its own key, and fails with a wrong key', async () => {
      const model = locked.upstream.script(tokens({ count: 1 }))
      expect(await call('Chat', model, { url: locked.server.url, key: secret })).toMatchObject({ status: 0 })
      const asked = await countRequests(locked, async () => {
        const bad = await call('Chat', model, { url: locked.server.url, key: 'wrong' })
        expect(bad).toMatchObject({ status: 1, all: expect.stringContaining('AuthorizationError') })
      })
      expect(asked).toBe(0)
    })
  })
})
