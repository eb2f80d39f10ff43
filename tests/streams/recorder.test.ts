import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createDialects } from '../../src/dialects.ts'
import type { Encoder } from '../../src/encoders/encoder.ts'
import { sse, sseWithStatus } from '../../src/encoders/sse.ts'
import { ServiceError } from '../../src/errors.ts'
import type { Batch, GenerationEvent } from '../../src/generation.ts'
import { createCore } from '../../src/relay/core.ts'
import { createMemoryLogs } from '../../src/streams/memory-log.ts'
import { createNumberer } from '../../src/streams/run-log.ts'
import { createRecorder, toFailureFrames } from '../../src/streams/recorder.ts'
import { batchSizes, generations, toBatches } from '../arbitrary-generation.ts'
import { readEvents } from '../encoders/read-events.ts'
import { startFrames } from '../encoders/start-text.ts'
import { surfaces } from '../surfaces.ts'

const delta = (line: string): GenerationEvent => ({ type: 'delta', line, chunk: {} })
const done: GenerationEvent = { type: 'done', line: '{"done":true}', chunk: { done: true } }
const options = { requestId: 'id-1', maxBytes: 1e9 }

/** Every way in which a route writes an event stream, by the path of the route. */
const encoders: [string, Encoder][] = []
for (const { generations } of createDialects({ management: true }))
  for (const [path, toPlan] of Object.entries(generations)) {
    const surface = surfaces.find((surface) => surface.path === path)
    const body = { model: 'm', ...surface?.body, ...surface?.streams }
    for (const prefer of [undefined, 'status']) {
      const { encoder } = toPlan({ accept: 'text/event-stream', prefer, canCut: true, body })
      if (encoder.contentType !== 'text/event-stream') continue
      if (prefer === undefined || encoder.toStatus) encoders.push([`${path}${prefer ? ' with status' : ''}`, encoder])
    }
  }

function record(encoder: Encoder) {
  const log = createMemoryLogs({ runBytes: 1e8, totalBytes: 1e9 }).create()
  const appended: string[] = []
  const { append } = log
  log.append = (frames) => {
    for (const frame of frames) appended.push(createNumberer(log.id)(appended.length, frame))
    append(frames)
  }
  const state = { finished: 0 }
  const recorder = createRecorder(encoder, { log, finish: () => void state.finished++ })
  return { log, appended, recorder, state }
}

test('every dialect has an encoder here', () => {
  const paths = encoders.map(([path]) => path)
  for (const path of ['/api/chat', '/chat', '/v1/chat/completions', '/v1/completions', '/v1/responses', '/v1/messages'])
    expect(paths).toContain(path)
  expect(paths).toContain('/api/ui/chat')
  expect(paths).toContain('/api/pull')
  expect(paths).toContain('/api/chat with status')
})

describe.each(encoders)('the encoder of %s', (_, encoder) => {
  test('has an opening, as a recorded frame is announced by it', () => {
    expect(encoder.opening).not.toBe('')
    expect(encoder.failure).toBe('frame')
  })

  test('makes frames that are one event each, with the id behind it', () => {
    fc.assert(
      fc.property(generations, batchSizes, (events, sizes) => {
        const { log, appended, recorder } = record(encoder)
        const batches = toBatches(events, sizes)
        const encode = recorder.encoder.start({ ...options, emit: () => {} })
        for (const batch of batches) encode(batch)
        const plain = startFrames(encoder, options)
        const expected = batches.flatMap((batch) => plain(batch))
        expect(appended).toEqual(expected.map((frame, i) => `${frame.replace(/\n$/, '')}id: ${log.id}.${i}\n\n`))
        for (const [i, frame] of appended.entries()) {
          const [event, ...more] = readEvents([Buffer.from(frame)])
          expect(event).toMatchObject({ id: `${log.id}.${i}` })
          expect(more).toEqual([])
        }
      }),
      { numRuns: 50 },
    )
  })

  test('starts anew for a failure', () => {
    const frames = toFailureFrames(encoder, new ServiceError('log_dropped', 'gone'), 'id-1')
    expect(readEvents([Buffer.from(frames)]).length).toBeGreaterThan(0)
    expect(frames).toContain('gone')
    expect(frames).not.toMatch(/^id:/m)
  })
})

test('the sequence numbers of a response are the numbers of its frames', () => {
  const [, encoder] = encoders.find(([path]) => path === '/v1/responses')!
  fc.assert(
    fc.property(generations, batchSizes, fc.integer({ min: 1, max: 100 }), (events, sizes, maxBytes) => {
      const { log, appended, recorder } = record(encoder)
      const encode = recorder.encoder.start({ ...options, maxBytes, emit: () => {} })
      try {
        for (const batch of toBatches(events, sizes)) encode(batch)
      } catch (error) {
        encode([{ type: 'failed', error: error as ServiceError }])
      }
      for (const { id, data } of readEvents([Buffer.from(appended.join(''))]))
        expect(id).toBe(`${log.id}.${(JSON.parse(data) as { sequence_number: number }).sequence_number}`)
    }),
  )
})

describe('a recorder', () => {
  test('records what an encoder emits when it starts, and gives it another id', () => {
    const early: Encoder = {
      ...sse,
      start({ requestId, emit }) {
        emit(`data: ${requestId}\n\n`)
        return () => emit('data: later\n\n')
      },
    }
    const log = createMemoryLogs({ runBytes: 1e8, totalBytes: 1e9 }).create()
    const recorder = createRecorder(early, { log, finish: log.close }, 'another')
    const encode = recorder.encoder.start({ ...options, emit: () => {} })
    expect(log.newest()).toBe(createNumberer(log.id)(0, 'data: another\n\n'))
    encode([delta('a')])
    expect(log.read(-1)).toMatchObject({ last: 1, frames: expect.stringMatching(/another[^]*later/) })
    expect(toFailureFrames(early, new ServiceError('log_dropped', 'gone'), 'id-1')).toBe('data: later\n\n')
  })

  const half: Encoder = {
    ...sse,
    start:
      ({ emit }) =>
      (batch) => {
        for (const event of batch) {
          if (event.type !== 'failed' && event.line === 'BROKEN') throw new TypeError('secret')
          emit(`data: ${event.type === 'failed' ? event.error.code : event.line}\n\n`)
        }
      },
  }

  test('tells the core when the answer has begun, and nothing else', () => {
    const buffering: Encoder = {
      ...sse,
      start: ({ emit }) => {
        let count = 0
        return () => void (++count % 3 === 0 && (emit('data: a\n\n'), emit('data: b\n\n')))
      },
    }
    const { recorder, appended } = record(buffering)
    const emitted: string[] = []
    const encode = recorder.encoder.start({ ...options, emit: (frame) => void emitted.push(frame) })
    for (const announced of [[], [], [':\n'], [':\n'], [':\n'], [':\n']]) {
      encode([delta('{}')])
      expect(emitted).toEqual(announced)
    }
    expect(appended.length).toBe(4)
  })

  test('leaves out what a batch that fails has written, as the relay does without it', () => {
    const { log, appended, recorder } = record(half)
    const encode = recorder.encoder.start({ ...options, emit: () => {} })
    encode([delta('a')])
    expect(() => encode([delta('b'), delta('BROKEN')])).toThrow('secret')
    encode([{ type: 'failed', error: new ServiceError('internal', '') }])
    expect(appended).toEqual([`data: a\nid: ${log.id}.0\n\n`, `data: internal\nid: ${log.id}.1\n\n`])
  })

  test('has one terminal in its log, whatever comes after it', () => {
    const ends: [string, (core: ReturnType<typeof createCore>) => unknown][] = [
      ['done', (core) => core.push([done], 0)],
      ['idle_timeout', (core) => core.tick(1e6)],
      ['cancelled', (core) => core.end(new ServiceError('cancelled', ''))],
      ['upstream_truncated', (core) => core.end(undefined)],
      ['internal', (core) => core.push([delta('BROKEN')], 0)],
    ]
    for (const [first, end] of ends) {
      const { appended, recorder } = record(half)
      const deadlines = { graceMs: 0, heartbeatMs: 1000, firstTokenMs: 0, idleMs: 5000, totalMs: 0, stallMs: 0 }
      const core = createCore({ ...options, encoder: recorder.encoder, deadlines, now: 0 })
      core.push([delta('a')], 0)
      end(core)
      for (const [, again] of ends) again(core)
      expect(appended.length).toBe(2)
      expect(appended[1]).toContain(first)
    }
  })

  test('records no opening, no heartbeat and no status: only the reader of the request gets the status', () => {
    const { log, appended, recorder } = record(sseWithStatus)
    const said: string[] = []
    const deadlines = { graceMs: 0, heartbeatMs: 1000, firstTokenMs: 0, idleMs: 0, totalMs: 0, stallMs: 0 }
    const core = createCore({ ...options, encoder: recorder.encoder, deadlines, now: 0 })
    const send = (frames: string) => void (frames !== '' && recorder.sink.write(frames))
    send(core.tick(0))
    send(core.waiting('queued', 0))
    recorder.viewer = { say: (frame) => void said.push(frame), leave() {}, cut() {} }
    send(core.waiting('loading', 2000))
    send(core.tick(60_000))
    send(core.push([delta('{"a":1}'), done] satisfies Batch, 60_000))
    expect(said).toEqual([sseWithStatus.toStatus!('loading', 2000)])
    expect(appended).toEqual([`data: {"a":1}\nid: ${log.id}.0\n\n`, `data: {"done":true}\nid: ${log.id}.1\n\n`])
  })

  test.each(['end', 'cut'] as const)('finishes the run at the %s of the answer', (how) => {
    const { recorder, state } = record(sse)
    void recorder.sink[how]()
    expect(state.finished).toBe(1)
  })
})
