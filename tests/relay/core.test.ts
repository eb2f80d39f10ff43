import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Encoder } from '../../src/encoders/encoder.ts'
import { folded } from '../../src/encoders/folded.ts'
import { ndjson } from '../../src/encoders/ndjson.ts'
import { sse } from '../../src/encoders/sse.ts'
import { ServiceError } from '../../src/errors.ts'
import type { Batch, GenerationEvent, Waiting } from '../../src/generation.ts'
import { createCore, type Core, type Deadlines } from '../../src/relay/core.ts'
import { startText } from '../encoders/start-text.ts'

const delta = (text: string): GenerationEvent => ({ type: 'delta', line: text, chunk: { response: text } })
const done: GenerationEvent = { type: 'done', line: 'END', chunk: { done: true, eval_count: 3 } }
const failed: GenerationEvent = { type: 'failed', error: new ServiceError('upstream_failed', 'it died') }

/** Frames that a test can read: `a` and `b` are deltas, `END` and `!code` are terminals. */
const plainFrames: Encoder = {
  contentType: 'text/test',
  headers: {},
  opening: '',
  heartbeat: '',
  failure: 'frame',
  start:
    ({ emit }) =>
    (batch) => {
      for (const event of batch) emit(toFrame(event))
    },
}

function toFrame(event: GenerationEvent): string {
  if (event.type === 'failed') return `!${event.error.code}`
  if (event.line === 'BROKEN') throw new ServiceError('line_too_long', 'too much')
  return event.line
}

const live: Encoder = { ...plainFrames, opening: '<', heartbeat: '.' }
const telling: Encoder = { ...live, toStatus: (status, elapsedMs) => `${status[0]}${elapsedMs} ` }
/** Works like `stream:false`: it writes only at the success terminal. */
const gathering: Encoder = {
  ...plainFrames,
  start({ emit }) {
    let gathered = ''
    return (batch) => {
      if (batch.some(({ type }) => type === 'failed')) return
      gathered += batch.map(toFrame).join('')
      if (batch.at(-1)?.type === 'done') emit(gathered)
    }
  },
}

const off: Deadlines = { graceMs: 0, heartbeatMs: 0, firstTokenMs: 0, idleMs: 0, totalMs: 0, stallMs: 0 }
const never = { ...off, graceMs: 1e9 }

function create({
  encoder = live,
  now = 0,
  ...deadlines
}: Partial<Deadlines> & { encoder?: Encoder; now?: number } = {}): Core {
  return createCore({ encoder, requestId: 'id', maxBytes: 1000, now, deadlines: { ...never, ...deadlines } })
}

const codeOf = ({ ended }: Core) => (ended?.how === 'failed' ? ended.error.code : ended?.how)

/** Sends no frame for a failure, like the encoder of bare text. */
const bare: Encoder = {
  ...plainFrames,
  failure: 'cut',
  start:
    ({ emit }) =>
    (batch) => {
      for (const event of batch) if (event.type !== 'failed') emit(toFrame(event))
    },
}

describe('the response breaks', () => {
  test('if it is open and the framing has no frame for a failure', () => {
    const core = create({ encoder: bare })
    expect(core.push([delta('a')], 1)).toBe('a')
    expect(core.mustBreak).toBe(false)
    expect(core.push([failed], 2)).toBe('')
    expect(core.mustBreak).toBe(true)
  })

  test.each([
    ['a deadline', (core: Core) => core.tick(100)],
    ['an end without a terminal', (core: Core) => core.end(undefined)],
    ['an encoder that fails', (core: Core) => core.push([delta('BROKEN')], 3)],
  ])('whatever the failure is: %s', (_name, fail) => {
    const core = create({ encoder: bare, totalMs: 50 })
    core.push([delta('a')], 1)
    fail(core)
    expect(core.mustBreak).toBe(true)
  })

  test('not before it is open, because the failure then has a real status', () => {
    const core = create({ encoder: bare })
    core.push([failed], 1)
    expect(core.mustBreak).toBe(false)
  })

  test('not after a success, not when the reader left, and not if a frame tells the failure', () => {
    const [good, left, told] = [create({ encoder: bare }), create({ encoder: bare }), create()]
    good.push([delta('a'), done], 1)
    left.push([delta('a')], 1)
    left.leave()
    told.push([delta('a')], 1)
    told.push([failed], 2)
    expect([good, left, told].map(({ mustBreak }) => mustBreak)).toEqual([false, false, false])
  })
})

describe('commit', () => {
  test('the first frames bring the opening with them, the later ones do not', () => {
    const core = create()
    expect(core.push([delta('a')], 1)).toBe('<a')
    expect(core.push([delta('b'), delta('c')], 2)).toBe('bc')
  })

  test('the opening is due when grace ends, counted from the request', () => {
    const core = create({ graceMs: 250, now: 1000 })
    expect(core.due).toBe(1250)
    expect(core.tick(1249)).toBe('')
    expect(core.tick(1250)).toBe('<')
    expect(core.push([delta('a')], 1300)).toBe('a')
  })

  test('a grace of 0 opens at once', () => {
    const core = create({ graceMs: 0, now: 7 })
    expect(core.due).toBe(7)
    expect(core.tick(7)).toBe('<')
  })

  test.each([
    ['NDJSON', ndjson],
    ['one object', folded],
  ])('%s has no opening: it commits with its first frames only', (_, encoder) => {
    const core = create({ encoder, graceMs: 1, heartbeatMs: 1 })
    expect(core.due).toBe(Infinity)
    expect(core.tick(1e6)).toBe('')
  })

  test('an event without frames does not commit', () => {
    const core = create({ heartbeatMs: 10 })
    expect(core.push([delta('')], 1)).toBe('')
    expect(core.tick(100)).toBe('')
    expect(core.push([failed], 101)).toBe('')
    expect(codeOf(core)).toBe('upstream_failed')
  })
})

describe('a terminal', () => {
  test('done ends the stream', () => {
    const core = create()
    expect(core.push([delta('a'), done], 1)).toBe('<aEND')
    expect(core.ended).toEqual({ how: 'done' })
    expect(core.due).toBe(Infinity)
  })

  test('a failure before commit has no frames: it has a real status instead', () => {
    for (const encoder of [live, plainFrames, gathering, sse, ndjson, folded]) {
      const core = create({ encoder })
      expect(core.push([failed], 1)).toBe('')
      expect(core.ended).toEqual({ how: 'failed', error: (failed as { error: ServiceError }).error })
    }
  })

  test('a failure after commit is a frame', () => {
    const core = create()
    core.push([delta('a')], 1)
    expect(core.push([failed], 2)).toBe('!upstream_failed')
  })

  test('a failure after tokens of the same batch is a frame after them', () => {
    expect(create().push([delta('a'), failed], 1)).toBe('<a!upstream_failed')
  })

  test('a failure after gathered tokens is still a real status', () => {
    const core = create({ encoder: gathering })
    expect(core.push([delta('a'), delta('b')], 1) + core.push([delta('c'), failed], 2)).toBe('')
    expect(codeOf(core)).toBe('upstream_failed')
  })

  test.each([
    ['a clean end of the source', undefined, 'upstream_truncated'],
    ['a broken connection', new ServiceError('upstream_failed', 'reset'), 'upstream_failed'],
    ['a shutdown', new ServiceError('shutting_down', 'bye'), 'shutting_down'],
    ['something unknown', new TypeError('secret'), 'internal'],
    ['a thrown text', 'secret', 'internal'],
  ])('%s ends the stream with its code', (_, error, code) => {
    const core = create()
    core.push([delta('a')], 1)
    expect(core.end(error)).toBe(`!${code}`)
    expect(codeOf(core)).toBe(code)
    const early = create()
    expect(early.end(error)).toBe('')
    expect(codeOf(early)).toBe(code)
  })

  test('an encoder that throws ends the stream with its error', () => {
    const core = create()
    core.push([delta('a')], 1)
    expect(core.push([delta('BROKEN')], 2)).toBe('!line_too_long')
    const early = create({ encoder: gathering })
    expect(early.push([delta('BROKEN')], 1)).toBe('')
    expect(codeOf(early)).toBe('line_too_long')
  })

  test('the first one wins, and nothing follows it', () => {
    const endings: Record<string, (core: Core) => void> = {
      done: (core) => core.push([done], 5),
      upstream_failed: (core) => core.push([failed], 5),
      upstream_truncated: (core) => core.end(undefined),
      left: (core) => core.leave(),
      total_timeout: (core) => core.tick(1000),
    }
    for (const [code, end] of Object.entries(endings)) {
      const core = create({ totalMs: 100, idleMs: 50, firstTokenMs: 60, heartbeatMs: 10 })
      end(core)
      const { ended } = core
      expect(codeOf(core)).toBe(code)
      const after = core.push([delta('x'), done], 6) + core.push([failed], 7) + core.end(undefined) + core.tick(5000)
      core.leave()
      expect(after).toBe('')
      expect(core.ended).toBe(ended)
    }
  })

  test('a disconnect ends the stream without a frame', () => {
    const core = create()
    core.push([delta('a')], 1)
    core.leave()
    expect(core.ended).toEqual({ how: 'left' })
    expect(core.due).toBe(Infinity)
  })
})

describe('a heartbeat', () => {
  test('goes out after each silence of its length, once committed', () => {
    const core = create({ graceMs: 250, heartbeatMs: 1000 })
    expect(core.tick(250)).toBe('<')
    expect(core.due).toBe(1250)
    expect(core.tick(1249)).toBe('')
    expect(core.tick(1250)).toBe('.')
    expect(core.due).toBe(2250)
  })

  test('counts from the last frame', () => {
    const core = create({ heartbeatMs: 1000 })
    core.push([delta('a')], 0)
    core.push([delta('b')], 600)
    expect(core.tick(1000)).toBe('')
    expect(core.due).toBe(1600)
    expect(core.tick(1600)).toBe('.')
  })

  test('is one, however long the silence was', () => {
    const core = create({ heartbeatMs: 1000 })
    core.push([delta('a')], 0)
    expect(core.tick(10_000)).toBe('.')
    expect(core.due).toBe(11_000)
  })

  test('does not go out before commit, nor while the reader is full', () => {
    const core = create({ heartbeatMs: 100 })
    expect(core.tick(500)).toBe('')
    core.push([delta('a')], 500)
    core.blocked(true, 500)
    expect(core.tick(900)).toBe('')
    core.blocked(false, 900)
    expect(core.tick(900)).toBe('.')
  })

  test('is no token: the idle deadline continues to run', () => {
    const core = create({ heartbeatMs: 100, idleMs: 250 })
    core.push([delta('a')], 0)
    expect(core.tick(100) + core.tick(200)).toBe('..')
    expect(core.due).toBe(250)
    expect(core.tick(250)).toBe('!idle_timeout')
  })
})

describe('the state that a stream waits in', () => {
  test('is sent at once, after the opening and before the first event', () => {
    const core = create({ encoder: telling, graceMs: 250, now: 1000 })
    expect(core.tick(1250)).toBe('<')
    expect(core.waiting('loading', 1300)).toBe('l300 ')
    expect(core.push([delta('a')], 3000)).toBe('a')
  })

  test('does not commit: only the latest state is sent with the opening, and an earlier failure has its real status', () => {
    const core = create({ encoder: telling, graceMs: 250 })
    expect(core.waiting('queued', 10) + core.waiting('loading', 20)).toBe('')
    expect(core.due).toBe(250)
    expect(core.tick(250)).toBe('<l250 ')
    const failing = create({ encoder: telling, graceMs: 250 })
    failing.waiting('loading', 10)
    expect(failing.push([failed], 20)).toBe('')
    expect(codeOf(failing)).toBe('upstream_failed')
  })

  test('is sent once per change, and at most once a second', () => {
    const core = create({ encoder: telling, graceMs: 0 })
    core.tick(0)
    expect(core.waiting('queued', 100)).toBe('q100 ')
    expect(core.waiting('queued', 5000)).toBe('')
    expect(core.due).toBe(Infinity)
    expect(core.waiting('loading', 5000)).toBe('l5000 ')
    expect(core.waiting('evaluating', 5001)).toBe('')
    expect(core.due).toBe(6000)
    expect(core.tick(5999)).toBe('')
    expect(core.tick(6000)).toBe('e6000 ')
  })

  test('is not sent if it has changed back or ended meanwhile', () => {
    for (const next of ['queued', undefined] as const) {
      const core = create({ encoder: telling, graceMs: 0 })
      core.tick(0)
      expect(core.waiting('queued', 0)).toBe('q0 ')
      core.waiting('loading', 10)
      core.waiting(next, 20)
      expect(core.due).toBe(Infinity)
      expect(core.tick(5000)).toBe('')
    }
  })

  test('is not sent with or after the first event, nor after a terminal', () => {
    const core = create({ encoder: telling })
    core.waiting('loading', 1)
    expect(core.push([delta('a')], 2)).toBe('<a')
    expect(core.waiting('evaluating', 3) + core.tick(9000)).toBe('')
    for (const end of [(core: Core) => core.end(new ServiceError('cancelled', '')), (core: Core) => core.leave()]) {
      const over = create({ encoder: telling, graceMs: 0 })
      over.tick(0)
      over.waiting('queued', 1)
      over.waiting('loading', 2)
      end(over)
      expect(over.waiting('evaluating', 3000) + over.tick(9000)).toBe('')
      expect(over.due).toBe(Infinity)
    }
  })

  test('is not sent while the reader is full', () => {
    const core = create({ encoder: telling, graceMs: 0 })
    core.tick(0)
    core.blocked(true, 1)
    expect(core.waiting('queued', 2) + core.tick(3000)).toBe('')
    core.blocked(false, 3000)
    expect(core.due).toBeLessThanOrEqual(3000)
    expect(core.tick(3001)).toBe('q3001 ')
  })

  test('counts as output for the heartbeat, but not as a token for the deadlines', () => {
    const core = create({ encoder: telling, graceMs: 0, heartbeatMs: 1000, firstTokenMs: 2500 })
    core.tick(0)
    expect(core.waiting('queued', 900)).toBe('q900 ')
    expect(core.tick(1000)).toBe('')
    expect(core.tick(1900)).toBe('.')
    expect(core.waiting('loading', 2400)).toBe('l2400 ')
    expect(core.tick(2500)).toBe('!first_token_timeout')
  })

  test('is not sent by an encoder without status frames', () => {
    for (const encoder of [live, plainFrames, sse, ndjson, folded]) {
      const core = create({ encoder, graceMs: 0 })
      core.tick(0)
      expect(core.waiting('loading', 1) + core.tick(2000)).toBe('')
    }
  })
})

describe('a deadline', () => {
  test('first token: of the request, until an event comes', () => {
    const core = create({ firstTokenMs: 600, now: 1000, graceMs: 0 })
    core.tick(1000)
    expect(core.due).toBe(1600)
    expect(core.tick(1600)).toBe('!first_token_timeout')
    const other = create({ firstTokenMs: 600 })
    other.push([delta('a')], 599)
    expect(other.tick(1600)).toBe('')
    expect(other.due).toBe(Infinity)
  })

  test('idle: of the last line, once there was one', () => {
    const core = create({ idleMs: 100 })
    expect(core.due).toBe(1e9)
    core.push([delta('a')], 1000)
    core.push([delta('b')], 1050)
    expect(core.tick(1149)).toBe('')
    expect(core.due).toBe(1150)
    expect(core.tick(1150)).toBe('!idle_timeout')
  })

  test('total: of the request, whatever came', () => {
    const core = create({ totalMs: 1000 })
    core.push([delta('a')], 999)
    expect(core.tick(1000)).toBe('!total_timeout')
  })

  test('before commit has a real status, and its error has the time that was waited', () => {
    const core = create({ firstTokenMs: 1500 })
    expect(core.tick(1500)).toBe('')
    expect(core.ended).toMatchObject({ how: 'failed', error: { status: 504, message: 'Ollama sent no token within 1.5 s' } })
  })

  test('0 is off', () => {
    const core = create()
    core.push([delta('a')], 0)
    core.blocked(true, 1)
    expect(core.tick(1e12)).toBe('')
    expect(core.due).toBe(Infinity)
  })

  test('of the upstream does not run while the reader is full, because Sluice has paused the upstream', () => {
    const core = create({ idleMs: 100 })
    core.push([delta('a')], 0)
    core.blocked(true, 10)
    expect(core.tick(500)).toBe('')
    core.blocked(false, 500)
    core.tick(500)
    expect(core.due).toBe(600)
    expect(core.tick(600)).toBe('!idle_timeout')
  })
})

describe('a stalled reader', () => {
  test('is cut when it has taken nothing for the stall limit, without a frame', () => {
    const core = create({ stallMs: 100 })
    core.push([delta('a')], 0)
    core.blocked(true, 50)
    expect(core.due).toBe(150)
    expect(core.tick(149)).toBe('')
    expect(core.tick(150)).toBe('')
    expect(core.ended).toEqual({ how: 'stalled' })
    expect(core.due).toBe(Infinity)
  })

  test('is not one that takes a little now and then', () => {
    const core = create({ stallMs: 100 })
    core.push([delta('a')], 0)
    for (let now = 0; now < 1000; now += 90) {
      core.blocked(true, now)
      core.tick(now + 89)
    }
    expect(core.ended).toBeUndefined()
  })

  test('is cut too if it does not take the terminal', () => {
    const core = create({ stallMs: 100 })
    core.push([done], 0)
    core.blocked(true, 0)
    expect(core.due).toBe(100)
    core.tick(100)
    expect(core.ended).toEqual({ how: 'stalled' })
  })
})

test('the tally has the time of the first token, the number of tokens, and the last line', () => {
  const core = create()
  expect(core.tally).toEqual({ firstDeltaAt: undefined, deltas: 0, done: undefined })
  core.push([delta('a')], 10)
  core.push([delta('b'), delta('c')], 20)
  core.push([delta('d'), done], 30)
  core.push([delta('e')], 40)
  expect(core.tally).toEqual({ firstDeltaAt: 10, deltas: 4, done: done.chunk })
})

// A naive second version of the core's rules. It keeps a list of facts, and searches the whole list
// each time.

type Fact = 'asked' | 'line' | 'frame' | 'full' | 'room' | 'opened' | 'waits' | 'told'

function createReference(encoder: Encoder, deadlines: Deadlines, askedAt: number) {
  const facts: { fact: Fact; at: number; state?: Waiting | undefined }[] = [{ fact: 'asked', at: askedAt }]
  const encode = startText(encoder, { requestId: 'id', maxBytes: 1000 })
  const reference = {
    now: askedAt,
    ended: undefined as string | undefined,
    sent: [] as string[],
    has: (fact: Fact) => facts.some((known) => known.fact === fact),
    last: (...wanted: Fact[]) => facts.findLast(({ fact }) => wanted.includes(fact)),
    note: (fact: Fact, state?: Waiting) => void facts.push({ fact, at: reference.now, state }),
    isFull: () => reference.last('full', 'room')?.fact === 'full',

    /**
     * Returns each possible action and the time when it is due. If several actions are due, the
     * first in the list happens.
     */
    agenda(): [string, number][] {
      const { has, last } = reference
      const after = (isOn: boolean, ms: number, ...since: Fact[]) =>
        isOn && ms > 0 ? (last(...since)?.at ?? NaN) + ms : Infinity
      const reads = !reference.isFull()
      const upstream: [string, number][] = [
        ['total_timeout', after(true, deadlines.totalMs, 'asked')],
        ['first_token_timeout', after(reads && !has('line'), deadlines.firstTokenMs, 'asked')],
        ['idle_timeout', after(reads && has('line'), deadlines.idleMs, 'line', 'full', 'room')],
        ['opening', !has('opened') && encoder.opening !== '' ? askedAt + deadlines.graceMs : Infinity],
        ['status', reads && has('opened') && reference.untold() ? (last('told')?.at ?? askedAt - 1000) + 1000 : Infinity],
        ['heartbeat', after(reads && has('opened') && encoder.heartbeat !== '', deadlines.heartbeatMs, 'frame')],
      ]
      return [['stalled', after(!reads, deadlines.stallMs, 'full')], ...(reference.ended ? [] : upstream)]
    },
    /**
     * Returns the status that the reader has not received yet. After the first line, the reader
     * needs no status.
     */
    untold(): Waiting | undefined {
      const state = reference.last('waits')?.state
      const isNews = state !== reference.last('told')?.state
      return encoder.toStatus && isNews && !reference.has('line') ? state : undefined
    },
    tell(): string {
      const state = reference.untold()!
      reference.note('told', state)
      return reference.send(encoder.toStatus!(state, reference.now - askedAt))
    },
    isDue: (wanted: string) => reference.agenda().some(([what, at]) => what === wanted && at <= reference.now),
    wait(state: Waiting | undefined): string {
      if (reference.ended) return ''
      reference.note('waits', state)
      return reference.isDue('status') ? reference.tell() : ''
    },
    next: () => Math.min(...reference.agenda().map(([, at]) => at)),

    /** Sends frames. If the opening has not been sent, sends the opening first. */
    send(frames: string): string {
      if (frames === '') return ''
      const opening = reference.has('opened') ? '' : encoder.opening
      for (const fact of ['opened', 'frame'] as const) reference.note(fact)
      return opening + frames
    },
    end(how: string): string {
      if (reference.ended) return ''
      reference.ended = how
      if (how === 'done' || how === 'left' || !reference.has('opened')) return ''
      return reference.send(encode([{ type: 'failed', error: new ServiceError(how as 'internal', '') }]))
    },
    push(batch: Batch): string {
      if (reference.ended) return ''
      const lines = batch.filter(({ type }) => type !== 'failed')
      if (lines.length > 0) reference.note('line')
      try {
        const frames = lines.length > 0 ? reference.send(encode(lines)) : ''
        if (lines.length === batch.length) return lines.at(-1)?.type === 'done' ? frames + reference.end('done') : frames
        return frames + reference.end('upstream_failed')
      } catch {
        return reference.end('line_too_long')
      }
    },
    tick(): string {
      const [what] = reference.agenda().find(([, at]) => at <= reference.now) ?? []
      if (what === 'stalled') {
        reference.ended = what
        reference.note('room')
      } else if (what === 'opening') {
        for (const fact of ['opened', 'frame'] as const) reference.note(fact)
        return encoder.opening + (reference.isDue('status') ? reference.tell() : '')
      } else if (what === 'status') return reference.tell()
      else if (what === 'heartbeat') return reference.send(encoder.heartbeat)
      else if (what) return reference.end(what)
      return ''
    },
  }
  return reference
}

type Reference = ReturnType<typeof createReference>
type Step = (reference: Reference, core: Core) => [expected: string, actual: string]

/**
 * One step of a stream: time passes, and then something happens. Both versions must agree
 * afterwards.
 */
function toCommand(name: string, waitMs: number, step: Step): fc.Command<Reference, Core> {
  return {
    toString: () => `+${waitMs} ${name}`,
    check: () => true,
    run(reference, core) {
      reference.now += waitMs
      const [expected, actual] = step(reference, core)
      expect(actual).toBe(expected)
      expect(codeOf(core)).toBe(reference.ended)
      reference.sent.push(actual)
      expect(core.due).toBeLessThanOrEqual(reference.next())
      if (name !== 'tick') return
      expect(core.due).toBeGreaterThan(reference.now)
      expect(core.due === Infinity).toBe(reference.next() === Infinity)
    },
  }
}

const waits = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 60 }))
const batches = fc
  .tuple(
    fc.array(
      fc.constantFrom(delta('a'), delta('b'), delta(''), delta('BROKEN')).filter((event) => event.type === 'delta'),
      { maxLength: 3 },
    ),
    fc.oneof({ weight: 12, arbitrary: fc.constant([]) }, fc.constant([done]), fc.constant([failed])),
  )
  .map(([deltas, terminal]): Batch => [...deltas, ...terminal])
  .filter((batch) => batch.length > 0)
const mostlyGood = fc.oneof({ weight: 8, arbitrary: fc.constant([delta('a')]) }, batches)

const pushes = fc
  .tuple(waits, mostlyGood)
  .map(([ms, batch]) =>
    toCommand(`push ${JSON.stringify(batch.map((event) => event.type + (event.line ?? '')))}`, ms, (reference, core) => [
      reference.push(batch),
      core.push(batch, reference.now),
    ]),
  )
const ticks = waits.map((ms) => toCommand('tick', ms, (reference, core) => [reference.tick(), core.tick(reference.now)]))
/** Ticks exactly when the core is due, as its shell does. */
const dueTicks = fc.constant(
  toCommand('tick', 0, (reference, core) => {
    if (core.due < Infinity && core.due > reference.now) reference.now = core.due
    return [reference.tick(), core.tick(reference.now)]
  }),
)
const fulls = fc.tuple(waits, fc.boolean()).map(([ms, isFull]) =>
  toCommand(`full ${isFull}`, ms, (reference, core) => {
    reference.note(isFull ? 'full' : 'room')
    core.blocked(isFull, reference.now)
    return ['', '']
  }),
)
const leaves = waits.map((ms) =>
  toCommand('leave', ms, (reference, core) => {
    core.leave()
    return [reference.end('left'), '']
  }),
)
const waitings = fc
  .tuple(fc.oneof(waits, fc.integer({ min: 0, max: 1500 })), fc.constantFrom('queued', 'loading', 'evaluating', undefined))
  .map(([ms, state]) =>
    toCommand(`waiting ${state}`, ms, (reference, core) => [reference.wait(state), core.waiting(state, reference.now)]),
  )
const ends = fc
  .tuple(
    waits,
    fc.constantFrom<[unknown, string]>(
      [undefined, 'upstream_truncated'],
      [new ServiceError('shutting_down', ''), 'shutting_down'],
      [new Error('x'), 'internal'],
    ),
  )
  .map(([ms, [error, code]]) => toCommand(`end ${code}`, ms, (reference, core) => [reference.end(code), core.end(error)]))

// A stream has many tokens and one end, so commands that end it are rare.
const commands = fc.commands(
  [waitings, pushes, pushes, pushes, ticks, ticks, dueTicks, dueTicks, fulls, fulls, fc.oneof(ticks, ends, leaves)],
  {
    maxCommands: 40,
  },
)

const limitMs = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 20 }), fc.integer({ min: 20, max: 200 }))
const limits: fc.Arbitrary<Deadlines> = fc.record({
  graceMs: limitMs,
  heartbeatMs: limitMs,
  firstTokenMs: limitMs,
  idleMs: limitMs,
  totalMs: limitMs,
  stallMs: limitMs,
})

test.each([
  ['with an opening and a heartbeat', live],
  ['without them', plainFrames],
  ['that gathers', gathering],
  ['with an opening only', { ...live, heartbeat: '' }],
  ['that tells what it waits for', telling],
])('after any history the core equals the reference, for an encoder %s', (_, encoder) => {
  fc.assert(
    fc.property(limits, fc.nat(1000), commands, (deadlines, askedAt, history) => {
      const reference = createReference(encoder, deadlines, askedAt)
      const core = createCore({ encoder, requestId: 'id', deadlines, maxBytes: 1000, now: askedAt })
      expect(core.due).toBeLessThanOrEqual(reference.next())
      fc.modelRun(() => ({ model: reference, real: core }), history)
      // Also check the reader's whole text.
      const sent = reference.sent.join('')
      expect(sent).toMatch(encoder.opening === '' ? /^[ab]*(END|![a-z_]+)?$/ : /^(<(\.|[qle]\d+ )*[ab.]*(END|![a-z_]+)?)?$/)
    }),
    { numRuns: 1500 },
  )
})
