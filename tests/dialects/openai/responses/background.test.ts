import { describe, expect, test } from 'vitest'
import { openai } from '../../../../src/dialects/openai/openai.ts'
import { parseResponseId, toResponseId, toSnapshot } from '../../../../src/dialects/openai/responses/background.ts'
import { ServiceError } from '../../../../src/errors.ts'
import type { GenerationEvent, OllamaChunk } from '../../../../src/generation.ts'
import { createNumberer } from '../../../../src/streams/run-log.ts'
import { readTypedEvents } from './read-response.ts'

type Json = Readonly<Record<string, unknown>>

/** Plans a background response, whose run has the id `run`. */
function plan(more: Json = {}) {
  const body = { model: 'asked', input: 'Hi', background: true, ...more }
  const { encoder, background } = openai.generations['/v1/responses']!({ accept: undefined, canCut: true, body })
  return { encoder, background: background! }
}

/** Returns the frames that are written before the first event, and then those of each event. */
function toFrames(events: readonly GenerationEvent[], more?: Json): string[][] {
  const first: string[] = []
  let frames = first
  const encode = plan(more).encoder.start({ requestId: 'run', maxBytes: 1e9, emit: (frame) => void frames.push(frame) })
  return [
    first,
    ...events.map((event) => {
      frames = []
      encode([event])
      return frames
    }),
  ]
}
const eventsOf = (frames: readonly string[]) => readTypedEvents([new TextEncoder().encode(frames.join(''))])

const say = (content: string, more: object = {}): GenerationEvent => {
  const chunk = { message: { content }, ...more } as OllamaChunk
  return { type: chunk.done === true ? 'done' : 'delta', line: '', chunk }
}
const failed = (code: 'cancelled' | 'shutting_down'): GenerationEvent => ({
  type: 'failed',
  error: new ServiceError(code, 'why'),
})

describe('a background response', () => {
  test('begins before Ollama answers, so that its reader has its id', () => {
    const [first] = toFrames([])
    const events = eventsOf(first!)
    expect(events.map(({ type }) => type)).toEqual(['response.created', 'response.queued'])
    for (const { response } of events)
      expect(response).toEqual({ ...plan().background.toQueued('run'), created_at: response!.created_at })
    const { created_at: time, ...queued } = events[0]!.response!
    expect(Math.abs(Number(time) - Date.now() / 1000)).toBeLessThan(60)
    expect(queued).toMatchObject({
      id: 'resp_run',
      status: 'queued',
      model: 'asked',
      background: true,
      store: true,
      output: [],
    })
  })

  test('is in progress from Ollama’s first line on, with the model’s own name and the same time', () => {
    const events = eventsOf(
      toFrames([say('a', { model: 'asked:latest', created_at: '2020-01-01T00:00:00Z' }), say('', { done: true })]).flat(),
    )
    expect(events.map(({ type }) => type).filter((type) => !type.includes('.output') && !type.includes('.content'))).toEqual([
      'response.created',
      'response.queued',
      'response.in_progress',
      'response.completed',
    ])
    const [created, , progress] = events
    const time = created!.response!.created_at
    for (const { response } of [progress!, events.at(-1)!])
      expect(response).toMatchObject({ id: 'resp_run', created_at: time, model: 'asked:latest', background: true, store: true })
    expect(events.at(-1)!.response!.output[0]!.id).toBe('msg_run_0')
  })

  test('that fails before the first token was never in progress', () => {
    const events = eventsOf(toFrames([failed('shutting_down')]).flat())
    expect(events.map(({ type }) => type)).toEqual(['response.created', 'response.queued', 'response.failed'])
    expect(events.at(-1)!.response).toMatchObject({ status: 'failed', error: { code: 'shutting_down' } })
  })

  test('that is cancelled has this status and no error in it, but its event has one', () => {
    const { type, response, error } = eventsOf(toFrames([say('a'), failed('cancelled')]).flat()).at(-1)!
    expect(type).toBe('response.failed')
    expect(response).toMatchObject({
      status: 'cancelled',
      error: null,
      output: [{ status: 'incomplete', content: [{ text: 'a' }] }],
    })
    expect(error).toMatchObject({ code: 'cancelled', message: 'why' })
  })

  test.each([
    [{}, false],
    [{ stream: false }, false],
    [{ stream: true }, true],
  ])('with %j is an event stream in its log, whatever its request gets', (more, isStream) => {
    const { encoder, background } = plan(more)
    expect([encoder.contentType, background.isStream]).toEqual(['text/event-stream', isStream])
  })

  test.each([{}, { background: false }, { background: null }, { background: 1 }, { background: 'true' }])(
    'is none: %j',
    (more) => {
      expect(plan({ background: undefined, ...more }).background).toBeUndefined()
    },
  )

  test('has a state at each of its events', () => {
    const queued = plan().background.toQueued('run')
    const frames = toFrames([say('a', { model: 'own' }), say('b'), say('', { done: true, done_reason: 'length' })]).flat()
    const statuses = frames.map((frame) => (toSnapshot(createNumberer('run')(0, frame), queued) as { status: string }).status)
    expect(statuses.slice(0, 3)).toEqual(['queued', 'queued', 'in_progress'])
    expect(new Set(statuses.slice(3, -1))).toEqual(new Set(['in_progress']))
    expect(statuses.at(-1)).toBe('incomplete')
    expect(toSnapshot(frames[5]!, queued)).toEqual({ ...queued, status: 'in_progress' })
  })

  test('keeps the digits of its numbers, and data that looks like a frame', () => {
    const response = '{"n":1.0,"m":12345678901234567890,"text":"\\n\\ndata: {} \u2028"}'
    const frame = `id: r.1\nevent: response.completed\ndata: {"type":"response.completed","response":${response},"sequence_number":1}\n\n`
    expect(JSON.stringify(toSnapshot(createNumberer('r')(1, frame)))).toBe(response)
  })

  test('is found by the id of its run', () => {
    expect(parseResponseId(toResponseId('a1'))).toBe('a1')
    for (const id of ['', 'resp_', 'a1', 'RESP_a1', 'resp_a1 ', ' resp_a1', 'resp_a.1', 'resp_a1\n', `resp_${'a'.repeat(65)}`])
      expect(parseResponseId(id), id).toBeUndefined()
  })
})
