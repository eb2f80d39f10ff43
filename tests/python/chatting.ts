import { expect, test } from 'vitest'
import { loadRecording, toLines } from '#fake-ollama/recording.ts'
import { replay, tokens } from '#fake-ollama/scripts.ts'
import type { Script } from '#fake-ollama/upstream.ts'
import { toText, type Chunk } from '../runtimes/reader.ts'
import { twoTokensThen } from '../runtimes/deaths.ts'
import type { Stage } from '../runtimes/server.ts'
import type { Call } from './program.ts'

/**
 * The type of the exception that a client raises for each failure. `died` is a failure in the
 * middle of a stream.
 */
export interface Exceptions {
  readonly notFound: string
  readonly busy: string
  readonly died: string
}

const chunks = toLines(loadRecording('chat-stream')).map((line) => JSON.parse(line) as Chunk)
const thoughts = ['The user asks a simple question.', 'Blue.']
const toolCall = ['get_weather', { city: 'Tokyo' }]

const deaths: [how: string, end: Script, message: RegExp][] = [
  ['resets the connection', ({ reset }) => reset(), /broke/],
  ['closes the connection', ({ fin }) => fin(), /broke/],
  ['ends without a terminal', ({ end }) => end(), /without finishing/],
  ['tells of an error', (exchange) => (exchange.chunk('{"error":"the runner died"}\n'), exchange.end()), /the runner died/],
]

/** Joins pieces of text. Python's None adds no text. */
export const joined = (pieces: readonly unknown[]) => pieces.join('')

/** Calls a function that must not raise, and returns the values that it has yielded. */
export async function ask(call: Call, what: string, model: string): Promise<unknown[]> {
  const { got, raised } = await call(what, model)
  expect(raised).toBeUndefined()
  return got
}

/** Tests the features of every client, whatever API it uses. */
export function testChatting(stage: Stage, call: Call, exceptions: Exceptions) {
  test('chats', async () => {
    expect(await ask(call, 'chat', stage.upstream.script(replay('chat-stream')))).toEqual([toText(chunks)])
  })

  test('streams, each token by itself', async () => {
    const got = await ask(call, 'stream', stage.upstream.script(replay('chat-stream')))
    expect(got.filter(Boolean)).toEqual(chunks.map((chunk) => toText([chunk])).filter(Boolean))
  })

  test('calls tools', async () => {
    const model = stage.upstream.script(replay('chat-tool-call'))
    expect(await ask(call, 'call_tools', model)).toEqual([[toolCall]])
    expect(await ask(call, 'stream_tool_calls', model)).toEqual([toolCall])
    const parameters = { type: 'object', required: ['city'], properties: { city: { type: 'string' } } }
    const tools = [{ type: 'function', function: { name: 'get_weather', parameters } }]
    for (const { json } of stage.upstream.requestsFor(model)) expect(json).toMatchObject({ tools })
  })

  test('thinks', async () => {
    const model = stage.upstream.script(replay('chat-thinking'))
    expect(await ask(call, 'think', model)).toEqual([thoughts])
    const got = (await ask(call, 'stream_thoughts', model)) as [thinking: string | null, text: string | null][]
    expect([joined(got.map(([thinking]) => thinking)), joined(got.map(([, text]) => text))]).toEqual(thoughts)
  })

  test('disconnects in the middle of a stream, and the upstream stops', async () => {
    const model = stage.upstream.script(tokens({ count: 5000, perSecond: 50 }))
    expect(await ask(call, 'leave', model)).toEqual([' token'])
    const { exchange } = await stage.upstream.next(model)
    await exchange.closedByReader
  })

  test.each(deaths)('raises when the upstream %s in the middle of a stream', async (_how, end, message) => {
    const model = stage.upstream.script(twoTokensThen(end))
    const { got, raised } = await call('stream', model, async (said) => {
      if (said.at(-1) === ' two') (await stage.upstream.next(model)).exchange.pass()
    })
    expect(joined(got)).toBe('One two')
    expect(raised).toMatchObject({ type: exceptions.died, message: expect.stringMatching(message) })
  })

  test.each(deaths)('raises when the upstream %s in the middle of an answer in one piece', async (_how, end, message) => {
    const model = stage.upstream.script(twoTokensThen(end))
    const dies = stage.upstream.next(model).then(({ exchange }) => exchange.pass())
    const [outcome] = await Promise.all([call('chat', model), dies])
    expect(outcome).toMatchObject({ got: [], raised: { message: expect.stringMatching(message) } })
  })

  const refusals: [what: string, model: () => string, raised: object][] = [
    ['there is no such model', () => 'nobody', { type: exceptions.notFound, status: 404, message: /model 'nobody' not found/ }],
    [
      'Ollama is busy',
      () => stage.upstream.script(replay('error-busy')),
      { type: exceptions.busy, status: 503, message: /server busy/ },
    ],
  ]
  test.each(refusals.flatMap(([what, ...rest]) => (['chat', 'stream'] as const).map((how) => [what, how, ...rest] as const)))(
    'raises when %s: %s',
    async (_what, how, model, { message, ...raised }: { message?: RegExp }) => {
      expect(await call(how, model())).toMatchObject({
        got: [],
        raised: { ...raised, message: expect.stringMatching(message!) },
      })
    },
  )
}
