import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Encoder } from '../../src/encoders/encoder.ts'
import { ServiceError } from '../../src/errors.ts'
import type { Batch, Ended, GenerationEvent, Waiting } from '../../src/generation.ts'
import type { Deadlines } from '../../src/relay/core.ts'
import { createRelay } from '../../src/relay/relay.ts'
import { createStream, type Outcome } from '../../src/relay/stream.ts'
import type { Generation } from '../../src/upstreams/upstream.ts'
import { createFakeSink } from './fake-sink.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const delta = (line: string): GenerationEvent => ({ type: 'delta', line, chunk: {} })
const done: GenerationEvent = { type: 'done', line: 'END', chunk: {} }
const toFailed = (code: 'upstream_failed' | 'internal'): GenerationEvent => ({
  type: 'failed',
  error: new ServiceError(code, ''),
})

const lines: Encoder = {
  contentType: 'text/test',
  headers: {},
  opening: '',
  heartbeat: '',
  failure: 'frame',
  start:
    ({ emit }) =>
    (batch) => {
      for (const event of batch) {
        if (event.type === 'failed') emit(`!${event.error.code}`)
        else if (event.line === 'BROKEN') throw new TypeError('secret')
        else emit(event.line)
      }
    },
}
const live: Encoder = { ...lines, opening: '<', heartbeat: '.' }
const telling: Encoder = { ...live, toStatus: (status) => `(${status})` }

/** An upstream that the test controls. An abort ends it, as the contract of upstreams requires. */
function createScript() {
  const started = Promise.withResolvers<Generation>()
  const flowed = Promise.withResolvers<void>()
  flowed.promise.catch(() => {})
  const closed: Ended[] = []
  const script = {
    signal: undefined as AbortSignal | undefined,
    closed,
    take: undefined as ((batch: Batch) => void | Promise<void>) | undefined,
    generate(signal: AbortSignal): Promise<Generation> {
      script.signal = signal
      const stop = () => {
        started.reject(signal.reason)
        flowed.reject(signal.reason)
      }
      if (signal.aborted) stop()
      signal.addEventListener('abort', stop)
      return started.promise
    },
    /** Resolves the call, as an upstream does when the first event has arrived. */
    async start() {
      started.resolve({
        flow(take) {
          script.take = take
          return flowed.promise
        },
        close: (ended) => void closed.push(ended),
      })
      await settle()
    },
    push: (...batch: GenerationEvent[]) => script.take!(batch),
    async end() {
      flowed.resolve()
      await settle()
    },
    async break(error: unknown) {
      started.reject(error)
      flowed.reject(error)
      await settle()
    },
  }
  return script
}

/** Runs everything that can run now. */
const settle = () => vi.advanceTimersByTimeAsync(0)
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

const off: Deadlines = { graceMs: 1e9, heartbeatMs: 0, firstTokenMs: 0, idleMs: 0, totalMs: 0, stallMs: 0 }

function start({
  encoder = live,
  endsLate = false,
  request = new AbortController(),
  waitsFor,
  ...deadlines
}: Partial<Deadlines> & {
  encoder?: Encoder
  endsLate?: boolean
  request?: AbortController
  waitsFor?: Waiting
} = {}) {
  const startedAt = Date.now()
  const now = () => Date.now() - startedAt
  const stream = createStream({ requestId: 'id', principal: '', signal: request.signal })
  const upstream = createScript()
  const sink = createFakeSink({ endsLate })
  const state = {
    upstream,
    sink,
    stream,
    refused: [] as ServiceError[],
    opened: 0,
    response: undefined as Response | undefined,
    outcome: undefined as Outcome | undefined,
    waiting: (what: Waiting | undefined) => relay.waiting(what),
  }
  const relay = createRelay({
    stream,
    encoder,
    deadlines: { ...off, ...deadlines },
    maxBytes: 1000,
    now,
    open() {
      state.opened++
      return { response: new Response(), sink }
    },
    refuse(error) {
      state.refused.push(error)
      return new Response(null, { status: error.status })
    },
  })
  void relay.response.then((response) => (state.response = response))
  if (waitsFor) relay.waiting(waitsFor)
  void relay.run(upstream.generate(stream.signal)).then((outcome) => (state.outcome = outcome))
  return state
}
type State = ReturnType<typeof start>

const sentOf = ({ sink }: State) => sink.written.join('')
const codeOf = (ended: Ended | undefined) => (ended?.how === 'failed' ? ended.error.code : ended?.how)

/**
 * Expects that the stream is over, that no timer is left, and that the reader got exactly one
 * answer.
 */
async function expectOver(state: State, how: string) {
  await settle()
  const { upstream, refused, opened, outcome, response } = state
  expect(codeOf(outcome?.ended)).toBe(how)
  expect(outcome!.bytes).toBe(new TextEncoder().encode(sentOf(state)).byteLength)
  // A reader that disconnected before the first frame gets neither a stream nor a refusal.
  const isGone = how === 'left' && opened === 0
  expect(opened + refused.length).toBe(isGone ? 0 : 1)
  expect(response!.status).toBe(isGone ? 499 : (refused[0]?.status ?? 200))
  for (const { code } of refused) expect(code).toBe(how)
  for (const ended of upstream.closed) expect(codeOf(ended)).toBe(how)
  expect(upstream.closed.length).toBeLessThanOrEqual(1)
  expect(vi.getTimerCount()).toBe(0)
}

describe('a stream', () => {
  test('goes from the upstream to the sink without delay, and ends cleanly', async () => {
    const state = start()
    await state.upstream.start()
    expect(state.upstream.push(delta('a'))).toBeUndefined()
    expect(state.sink.written).toEqual(['<a'])
    void state.upstream.push(delta('b'), delta('é'))
    void state.upstream.push(done)
    expect(state.sink.written).toEqual(['<a', 'bé', 'END'])
    await state.upstream.end()
    await expectOver(state, 'done')
    expect(state.upstream.closed).toEqual([{ how: 'done' }])
    expect(state.sink).toMatchObject({ ended: 1, wasCut: 0 })
    expect(state.stream.signal.aborted).toBe(false)
  })

  test('opens when grace ends, and sends heartbeats in the silence after it', async () => {
    const state = start({ graceMs: 250, heartbeatMs: 1000 })
    await pass(249)
    expect(state.opened).toBe(0)
    // The timer rounds its times up to a grid of at most 100 ms.
    await pass(51)
    expect(sentOf(state)).toBe('<')
    await pass(3000)
    expect(sentOf(state)).toMatch(/^<\.{2,3}$/)
    await state.upstream.start()
    void state.upstream.push(done)
    await state.upstream.end()
    expect(sentOf(state)).toMatch(/^<\.+END$/)
    await expectOver(state, 'done')
  })

  test.each([
    ['opens at once if the grace is negative, before anything can fail', -1, ['<!cancelled'], 0],
    ['does not open before its timer if the grace is 0', 0, [], 1],
  ])('%s', async (_, graceMs, sent, refusals) => {
    const state = start({ graceMs })
    state.stream.stop(new ServiceError('cancelled', 'stopped'))
    await expectOver(state, 'cancelled')
    expect(state.sink.written.join('')).toBe(sent.join(''))
    expect(state.refused).toHaveLength(refusals)
  })

  test('without an opening stays silent until its first line', async () => {
    const state = start({ encoder: lines, graceMs: 1, heartbeatMs: 10 })
    await pass(10_000)
    expect(state.opened).toBe(0)
    await state.upstream.start()
    void state.upstream.push(delta('a'), done)
    await state.upstream.end()
    expect(sentOf(state)).toBe('aEND')
    await expectOver(state, 'done')
  })

  test('keeps no listener on its signal (hazard 37)', async () => {
    const add = vi.spyOn(AbortSignal.prototype, 'addEventListener')
    const remove = vi.spyOn(AbortSignal.prototype, 'removeEventListener')
    const state = start()
    // The stream and the upstream add their listeners earlier, so the last listener is the relay's.
    const ours = add.mock.calls.at(-1)![1]
    await state.upstream.break(new Error('x'))
    expect(remove.mock.calls.map(([, listener]) => listener)).toContain(ours)
  })
})

describe('the state that a stream waits in', () => {
  test('is sent with the opening, and a change a second later', async () => {
    const state = start({ encoder: telling, graceMs: 200 })
    state.waiting('queued')
    await pass(100)
    state.waiting('loading')
    expect(state.opened).toBe(0)
    await pass(100)
    expect(sentOf(state)).toBe('<(loading)')
    state.waiting('evaluating')
    await pass(900)
    expect(sentOf(state)).toBe('<(loading)')
    await pass(100)
    expect(sentOf(state)).toBe('<(loading)(evaluating)')
    await state.upstream.start()
    void state.upstream.push(delta('a'), done)
    state.waiting('loading')
    await state.upstream.end()
    expect(sentOf(state)).toBe('<(loading)(evaluating)aEND')
    state.waiting('loading')
    await expectOver(state, 'done')
  })

  test('may be known before the stream runs, and does not commit', async () => {
    const state = start({ encoder: telling, waitsFor: 'queued' })
    await pass(1000)
    await state.upstream.break(new ServiceError('model_not_found', 'none'))
    expect(state.refused).toHaveLength(1)
    await expectOver(state, 'model_not_found')
  })

  test('is not sent after the reader has disconnected', async () => {
    const state = start({ encoder: telling, graceMs: 0 })
    await pass(0)
    state.stream.leave()
    state.waiting('loading')
    expect(sentOf(state)).toBe('<')
    await expectOver(state, 'left')
  })
})

describe('a failure', () => {
  test.each<[string, unknown, string]>([
    ['a ServiceError', new ServiceError('upstream_unreachable', 'down'), 'upstream_unreachable'],
    ['anything else', new TypeError('secret'), 'internal'],
    ['no error at all', undefined, 'upstream_truncated'],
  ])('before the first frame is refused with its status: %s', async (_, error, code) => {
    const state = start()
    await state.upstream.break(error)
    expect(state.refused).toHaveLength(1)
    await expectOver(state, code)
    expect(state.upstream.closed).toEqual([])
  })

  test('of the first batch is refused as well, and closes the generation', async () => {
    const state = start()
    await state.upstream.start()
    void state.upstream.push(toFailed('upstream_failed'))
    await state.upstream.end()
    expect(state.refused).toHaveLength(1)
    await expectOver(state, 'upstream_failed')
    expect(state.upstream.closed).toHaveLength(1)
  })

  test('after the opening is a terminal', async () => {
    const state = start({ graceMs: 100 })
    await pass(100)
    await state.upstream.break(new ServiceError('upstream_unreachable', 'down'))
    expect(sentOf(state)).toBe('<!upstream_unreachable')
    expect(state.sink.ended).toBe(1)
    await expectOver(state, 'upstream_unreachable')
  })

  test('in the middle is a terminal, whether the source breaks, reports a failure, or ends without done', async () => {
    const ways: [string, (state: State) => Promise<void>][] = [
      ['upstream_failed', ({ upstream }) => upstream.break(new ServiceError('upstream_failed', 'reset'))],
      ['internal', ({ upstream }) => upstream.break(new RangeError('x'))],
      ['upstream_truncated', ({ upstream }) => upstream.end()],
      [
        'upstream_failed',
        ({ upstream }) => {
          void upstream.push(toFailed('upstream_failed'))
          return upstream.end()
        },
      ],
    ]
    for (const [code, fail] of ways) {
      const state = start()
      await state.upstream.start()
      void state.upstream.push(delta('a'))
      await fail(state)
      expect(sentOf(state)).toBe(`<a!${code}`)
      expect(state.sink).toMatchObject({ ended: 1, wasCut: 0 })
      await expectOver(state, code)
    }
  })

  test('of an encoder stops the upstream', async () => {
    const state = start()
    await state.upstream.start()
    void state.upstream.push(delta('a'))
    void state.upstream.push(delta('BROKEN'))
    expect(state.stream.signal.aborted).toBe(true)
    expect(sentOf(state)).toBe('<a!internal')
    await expectOver(state, 'internal')
  })
})

describe('a deadline', () => {
  test('before the first frame is refused, and stops the pending generation', async () => {
    const state = start({ firstTokenMs: 500 })
    await pass(499)
    expect(state.upstream.signal!.aborted).toBe(false)
    await pass(1)
    expect(state.upstream.signal!.aborted).toBe(true)
    expect(state.refused).toMatchObject([{ code: 'first_token_timeout', status: 504 }])
    await expectOver(state, 'first_token_timeout')
  })

  test('after the opening is a terminal, and stops the pending generation', async () => {
    const state = start({ graceMs: 100, firstTokenMs: 500 })
    await pass(500)
    expect(sentOf(state)).toBe('<!first_token_timeout')
    expect(state.upstream.signal!.aborted).toBe(true)
    await expectOver(state, 'first_token_timeout')
  })

  test('between two lines stops the upstream', async () => {
    const state = start({ idleMs: 1000 })
    await state.upstream.start()
    void state.upstream.push(delta('a'))
    await pass(900)
    void state.upstream.push(delta('b'))
    await pass(999)
    expect(state.stream.signal.aborted).toBe(false)
    await pass(101)
    expect(state.stream.signal.aborted).toBe(true)
    expect(sentOf(state)).toBe('<ab!idle_timeout')
    await expectOver(state, 'idle_timeout')
    expect(state.upstream.closed).toHaveLength(1)
  })

  test('for the total time ends a stream that still sends', async () => {
    const state = start({ totalMs: 1000 })
    await state.upstream.start()
    for (let i = 0; i < 9; i++) {
      void state.upstream.push(delta('a'))
      await pass(100)
    }
    expect(state.stream.signal.aborted).toBe(false)
    await pass(100)
    expect(sentOf(state)).toBe(`<${'a'.repeat(9)}!total_timeout`)
    await expectOver(state, 'total_timeout')
  })
})

describe('a framing that has no frame for a failure', () => {
  const bare: Encoder = {
    ...lines,
    failure: 'cut',
    start:
      ({ emit }) =>
      (batch) => {
        for (const event of batch) if (event.type !== 'failed') emit(event.line)
      },
  }

  test('breaks the response of a stream that fails, behind what was written', async () => {
    const state = start({ encoder: bare })
    await state.upstream.start()
    state.sink.fill()
    void state.upstream.push(delta('a'), delta('b'), toFailed('upstream_failed'))
    await state.upstream.end()
    expect(state.sink).toMatchObject({ written: ['ab'], ended: 0, wasCut: 0 })
    state.sink.drain()
    await expectOver(state, 'upstream_failed')
    expect(state.sink).toMatchObject({ ended: 0, wasCut: 1 })
  })

  test('ends cleanly after a success, also after one without a frame', async () => {
    const silent: Encoder = { ...bare, start: () => () => {} }
    const [said, unsaid] = [start({ encoder: bare }), start({ encoder: silent })]
    for (const state of [said, unsaid]) {
      await state.upstream.start()
      void state.upstream.push(done)
      await state.upstream.end()
      await expectOver(state, 'done')
      expect(state.sink).toMatchObject({ ended: 1, wasCut: 0 })
    }
    expect(unsaid).toMatchObject({ opened: 1, refused: [] })
  })
})

describe('a full sink', () => {
  test('pauses the flow until it has room', async () => {
    const state = start()
    await state.upstream.start()
    state.sink.fill()
    let isPaused = true
    const full = Promise.resolve(state.upstream.push(delta('a'))).then(() => (isPaused = false))
    await pass(5000)
    expect(isPaused).toBe(true)
    state.sink.drain()
    await full
    expect(state.upstream.push(delta('b'))).toBeUndefined()
    void state.upstream.push(done)
    await state.upstream.end()
    await expectOver(state, 'done')
  })

  test('gets no heartbeat, and the idle deadline does not run', async () => {
    const state = start({ heartbeatMs: 100, idleMs: 500 })
    await state.upstream.start()
    state.sink.fill()
    void state.upstream.push(delta('a'))
    await pass(2000)
    expect(sentOf(state)).toBe('<a')
    state.sink.drain()
    await pass(400)
    expect(sentOf(state)).toMatch(/^<a\.+$/)
    await pass(300)
    expect(sentOf(state)).toMatch(/^<a\.+!idle_timeout$/)
    await expectOver(state, 'idle_timeout')
  })

  test('gets the terminal after it has drained, and then its end', async () => {
    const terminals: [string, (state: State) => Promise<unknown>][] = [
      ['END', async ({ upstream }) => upstream.end()],
      ['!upstream_failed', ({ upstream }) => upstream.break(new ServiceError('upstream_failed', 'reset'))],
      ['!shutting_down', async ({ stream }) => stream.stop(new ServiceError('shutting_down', 'bye'))],
      ['!total_timeout', () => pass(1000)],
    ]
    for (const [terminal, end] of terminals) {
      const state = start({ totalMs: 1000 })
      await state.upstream.start()
      state.sink.fill()
      void state.upstream.push(delta('a'))
      if (terminal === 'END') void state.upstream.push(done)
      await end(state)
      await settle()
      expect(sentOf(state)).toBe('<a')
      expect(state.sink.ended).toBe(0)
      expect(state.outcome).toBeUndefined()
      state.sink.drain()
      await settle()
      expect(sentOf(state)).toBe(`<a${terminal}`)
      expect(state.sink).toMatchObject({ ended: 1, wasCut: 0 })
      await expectOver(state, terminal === 'END' ? 'done' : terminal.slice(1))
    }
  })

  test('that takes nothing for the stall limit is cut, and the upstream stopped', async () => {
    const state = start({ stallMs: 1000 })
    await state.upstream.start()
    state.sink.fill()
    void state.upstream.push(delta('a'))
    await pass(999)
    expect(state.sink.wasCut).toBe(0)
    await pass(101)
    expect(state.sink.wasCut).toBe(1)
    expect(state.stream.signal.aborted).toBe(true)
    expect(sentOf(state)).toBe('<a')
    await expectOver(state, 'stalled')
  })

  test('is cut too if it does not take the terminal of a deadline', async () => {
    const state = start({ stallMs: 1000, totalMs: 500 })
    await state.upstream.start()
    state.sink.fill()
    void state.upstream.push(delta('a'))
    await pass(600)
    expect(state.stream.signal.aborted).toBe(true)
    expect(state.sink.wasCut).toBe(0)
    await pass(2000)
    expect(state.sink.wasCut).toBe(1)
    expect(codeOf(state.outcome?.ended)).toBe('stalled')
    expect(vi.getTimerCount()).toBe(0)
  })

  test('is cut too if it does not take the end', async () => {
    const state = start({ stallMs: 1000, endsLate: true })
    await state.upstream.start()
    void state.upstream.push(delta('a'), done)
    await state.upstream.end()
    expect(state.sink.ended).toBe(1)
    expect(state.outcome).toBeUndefined()
    await pass(1100)
    expect(state.sink.wasCut).toBe(1)
    expect(state.outcome).toMatchObject({ bytes: 5 })
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a reader that disconnects', () => {
  const leave = ({ stream }: State) => stream.leave()

  test('before the first token stops the pending generation, and gets nothing', async () => {
    const state = start({ graceMs: 100 })
    await pass(50)
    leave(state)
    expect(state.upstream.signal!.aborted).toBe(true)
    expect(sentOf(state)).toBe('')
    await settle()
    await expectOver(state, 'left')
  })

  test('after the opening stops it too', async () => {
    const state = start({ graceMs: 100, heartbeatMs: 100 })
    await pass(100)
    leave(state)
    await pass(5000)
    expect(sentOf(state)).toBe('<')
    await expectOver(state, 'left')
  })

  test('between tokens stops the generation, and gets nothing more', async () => {
    const state = start({ heartbeatMs: 100 })
    await state.upstream.start()
    void state.upstream.push(delta('a'))
    leave(state)
    void state.upstream.push(delta('b'), done)
    await pass(5000)
    expect(sentOf(state)).toBe('<a')
    expect(state.upstream.closed).toEqual([{ how: 'left' }])
    await expectOver(state, 'left')
  })

  test('while it is full stops the generation without delay', async () => {
    const state = start({ stallMs: 1000 })
    await state.upstream.start()
    state.sink.fill()
    void state.upstream.push(delta('a'))
    leave(state)
    await settle()
    expect(state.upstream.closed).toEqual([{ how: 'left' }])
    await expectOver(state, 'left')
  })

  test('before the stream begins is refused', async () => {
    const request = new AbortController()
    request.abort()
    const state = start({ request })
    await expectOver(state, 'left')
  })

  test('after the terminal changes nothing', async () => {
    const state = start()
    await state.upstream.start()
    void state.upstream.push(delta('a'), done)
    leave(state)
    await state.upstream.end()
    await expectOver(state, 'done')
  })
})

describe('a signal that aborts with a ServiceError', () => {
  const stop = ({ stream }: State) => stream.stop(new ServiceError('shutting_down', 'bye'))

  test('before the first frame ends it with that status', async () => {
    const state = start()
    stop(state)
    await settle()
    expect(state.refused).toMatchObject([{ code: 'shutting_down' }])
    await expectOver(state, 'shutting_down')
  })

  test('in the middle ends it with that terminal, at once', async () => {
    const state = start()
    await state.upstream.start()
    void state.upstream.push(delta('a'))
    stop(state)
    expect(sentOf(state)).toBe('<a!shutting_down')
    await expectOver(state, 'shutting_down')
    expect(state.sink).toMatchObject({ ended: 1, wasCut: 0 })
  })

  test('after a terminal adds none', async () => {
    const state = start()
    await state.upstream.start()
    void state.upstream.push(done)
    stop(state)
    expect(sentOf(state)).toBe('<END')
    await expectOver(state, 'done')
  })
})
