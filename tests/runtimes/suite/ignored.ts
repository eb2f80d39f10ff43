import { describe, expect, test } from 'vitest'
import { lines, replay, tokens } from '#fake-ollama/scripts.ts'
import { surfaces, type Surface } from '../../surfaces.ts'
import { read, readAll } from '../reader.ts'
import { countRequests, useStage, type RuntimeName } from '../server.ts'
import { toEach } from './tables.ts'

type Json = Readonly<Record<string, unknown>>

/**
 * Whether Sluice translates the requests of a surface. Requests of Ollama's own API pass through
 * unchanged.
 */
const isTranslated = ({ path, endpoint }: Surface) => endpoint !== undefined && !/^(?:\/ollama)?\/api\/(?!ui\/)/.test(path)
const translated = surfaces.filter(isTranslated)
const passedOn = surfaces.filter((surface) => surface.endpoint !== undefined && !isTranslated(surface))

/** Removes `/ollama` from paths such as `/ollama/v1/…`, which have the same dialect as `/v1/…`. */
const toDialectPath = (path: string) => path.replace(/^\/ollama(?=\/v1)/, '')

/** For each path, a value of a wrong type for an optional field. */
const wishes: Readonly<Record<string, Json>> = {
  '/chat': { keep_alive: [5] },
  '/v1/chat/completions': { temperature: 'hot' },
  '/v1/completions': { temperature: 'hot' },
  '/v1/responses': { temperature: 'hot' },
  '/v1/messages': { temperature: 'hot' },
  '/api/ui/chat': { keep_alive: [5] },
}

const canary = 'kestrel'
/** Names and values that would break a header or a log line if they were copied into it. */
const hostile = {
  [`${canary}\r\nset-cookie: a=b`]: 1,
  [`${canary}", "x": "`]: { [canary]: canary },
  [`${canary}\0\u2028é`]: [canary],
  ['__proto__']: canary,
}
/** The allowed form of `x-sluice-ignored`: only known field names, indices and counts. */
const header =
  /^(?:[a-z_]+(?:\.(?:[a-z_]+|\d+))*|\+\d+ (?:more|unknown))(?:, (?:[a-z_]+(?:\.(?:[a-z_]+|\d+))*|\+\d+ (?:more|unknown)))*$/

const hi = { role: 'user', content: 'Hi' }
const parameters = { type: 'object', properties: {} }
const functionTool = (name: string) => ({ type: 'function', function: { name, parameters } })

/**
 * How each dialect demands a tool call. `any` demands a call of any tool. `one` demands a call of
 * one certain tool. `envelope` is the error that Sluice sends if the model makes no call.
 */
const demands = [
  {
    path: '/v1/chat/completions',
    body: { messages: [hi], tools: [functionTool('get_weather'), functionTool('other')] },
    any: 'required',
    one: { type: 'function', function: { name: 'get_weather' } },
    envelope: { error: { code: 'no_tool_call', type: 'server_error' } },
  },
  {
    path: '/v1/responses',
    body: {
      input: 'Hi',
      tools: ['get_weather', 'other'].map((name) => ({ type: 'function', name, parameters })),
    },
    any: 'required',
    one: { type: 'function', name: 'get_weather' },
    envelope: { error: { code: 'no_tool_call', type: 'server_error' } },
  },
  {
    path: '/v1/messages',
    body: {
      max_tokens: 5,
      messages: [hi],
      tools: ['get_weather', 'other'].map((name) => ({ name, input_schema: parameters })),
    },
    any: { type: 'any' },
    one: { type: 'tool', name: 'get_weather' },
    envelope: { type: 'error', error: { code: 'no_tool_call', type: 'api_error' } },
  },
] as const

/**
 * Fields of a request that Sluice ignores, and where the answer reports them
 * (docs/protocol.md#6-dialects).
 */
export function describeIgnored(runtime: RuntimeName) {
  const each = toEach(runtime)
  describe('ignored fields', () => {
    const listed = 'https://chat.example'
    const stage = useStage(runtime, { SLUICE_LOG: 'json', SLUICE_CORS_ORIGINS: listed })

    async function ask(path: string, body: Json, headers = {}) {
      const model = stage.upstream.script(tokens({ count: 1 }))
      const answer = await readAll(read(stage.server, { path, body: { ...body, model }, headers }))
      expect(answer.status, answer.text).toBe(200)
      return answer
    }
    const lineOf = (id: string) =>
      stage.server
        .output()
        .split('\n')
        .find((line) => line.includes(`"request_id":"${id}"`))

    each(translated)('are not reported for a good request at $path', async ({ path, body }) => {
      const id = `good${path.replaceAll('/', '.')}`
      const answer = await ask(path, body, { 'x-request-id': id })
      expect(answer.headers).not.toHaveProperty('x-sluice-ignored')
      await expect.poll(() => lineOf(id)).toBeDefined()
      expect(lineOf(id)).not.toContain('"ignored"')
    })

    each(translated)(
      'are named at $path, on a stream and on a whole answer, and in the log',
      async ({ path, body, streams }) => {
        const wish = wishes[toDialectPath(path)]!
        for (const [i, framing] of [streams, {}].entries()) {
          const id = `named${i}${path.replaceAll('/', '.')}`
          const answer = await ask(path, { ...body, ...wish, a_field_to_come: 1, ...framing }, { 'x-request-id': id })
          const named = `${Object.keys(wish)[0]}, +1 unknown`
          expect(answer.headers['x-sluice-ignored']).toBe(named)
          await expect.poll(() => lineOf(id)).toBeDefined()
          expect(JSON.parse(lineOf(id)!)).toMatchObject({ status: 200, ignored: named })
        }
      },
    )

    each(translated)('are reported at $path without any text of the request', async ({ path, body }) => {
      const id = `hostile${path.replaceAll('/', '.')}`
      const tools = [{ type: `${canary}\r\nx: y`, name: canary }, canary]
      const hasTools = ['/v1/chat/completions', '/v1/responses', '/v1/messages'].includes(toDialectPath(path))
      const answer = await ask(path, { ...body, ...hostile, ...(hasTools && { tools }) }, { 'x-request-id': id })
      expect(answer.headers['x-sluice-ignored']).toMatch(header)
      expect(answer.headers).not.toHaveProperty('set-cookie')
      expect(JSON.stringify(answer.headers)).not.toContain(canary)
      await expect.poll(() => lineOf(id)).toBeDefined()
      expect(lineOf(id)).not.toContain(canary)
    })

    test('are only counted beyond the first ones: the header has 1 kB at most', async () => {
      const tools = Array.from({ length: 10_000 }, () => ({ type: 'web_search' }))
      const unknown = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`k${i}`, i]))
      const { headers } = await ask('/v1/responses', { input: 'Hi', tools, parallel_tool_calls: false, ...unknown })
      const told = String(headers['x-sluice-ignored'])
      expect(told).toMatch(/^parallel_tool_calls, tools\.0, .*, \+\d+ more, \+1000 unknown$/)
      expect(told).toMatch(header)
      expect(told.length).toBeLessThanOrEqual(1024)
      const [, more] = /\+(\d+) more/.exec(told)!
      expect(told.match(/tools\.\d+/g)!.length + Number(more)).toBe(10_000)
    })

    each(passedOn)('do not exist at $path: Ollama gets every field', async ({ path, body }) => {
      const answer = await ask(path, { ...body, a_field_to_come: 1 })
      expect(answer.headers).not.toHaveProperty('x-sluice-ignored')
      expect(stage.upstream.requests.at(-1)!.json).toMatchObject({ a_field_to_come: 1 })
    })

    test('are named for embeddings too', async () => {
      const body = { model: 'gemma3:270m', input: 'Hi', keep_alive: [5], user: 'u', a_field_to_come: 1 }
      const { status, headers } = await readAll(read(stage.server, { path: '/v1/embeddings', body }))
      expect([status, headers['x-sluice-ignored']]).toEqual([200, 'keep_alive, +1 unknown'])
    })

    test('can be read by a page of a listed origin', async () => {
      const { headers } = await ask('/chat', { text: 'Hi', a_field_to_come: 1 }, { origin: listed })
      expect(headers['x-sluice-ignored']).toBe('+1 unknown')
      expect(headers['access-control-expose-headers']!.split(',')).toContain('x-sluice-ignored')
    })
  })

  describe('a demanded tool call', () => {
    const stage = useStage(runtime)
    const noCall = lines(['{"model":"x","message":{"role":"assistant","content":"No."},"done":true,"done_reason":"stop"}'])
    const cases = demands.flatMap(({ any, one, ...rest }) => [
      { ...rest, what: 'any tool', tool_choice: any, names: ['get_weather', 'other'] },
      { ...rest, what: 'one tool', tool_choice: one, names: ['get_weather'] },
    ])
    const post = (path: string, body: Json) => readAll(read(stage.server, { path, body }))

    each(cases)('of $what at $path: Ollama gets only the chosen tools, and an answer with a call is a 200', async (demand) => {
      const model = stage.upstream.script(replay('chat-tool-call'))
      const { status, text } = await post(demand.path, { ...demand.body, tool_choice: demand.tool_choice, model })
      expect(status).toBe(200)
      expect(text).toContain('get_weather')
      const asked = stage.upstream.requestsFor(model)[0]!.json as { tools: { function: { name: string } }[] }
      expect(asked.tools.map((tool) => tool.function.name)).toEqual(demand.names)
    })

    each(cases)('of $what at $path: an answer without a call is a 502', async (demand) => {
      const model = stage.upstream.script(noCall)
      const { status, text } = await post(demand.path, { ...demand.body, tool_choice: demand.tool_choice, model })
      expect(status).toBe(502)
      expect(JSON.parse(text)).toMatchObject(demand.envelope)
      expect(text).not.toContain('No.')
    })

    each(cases)('of $what at $path: a stream is refused, and Ollama gets no request', async (demand) => {
      const asked = await countRequests(stage, async () => {
        const { status, text } = await post(demand.path, { ...demand.body, tool_choice: demand.tool_choice, stream: true })
        expect(status).toBe(400)
        expect(JSON.parse(text)).toMatchObject({
          error: { code: 'not_supported', message: expect.stringContaining('stream: false') },
        })
      })
      expect(asked).toBe(0)
    })
  })
}
