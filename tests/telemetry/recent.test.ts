import { array, assert, integer, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ErrorCode } from '../../src/errors.ts'
import type { LogLine } from '../../src/middleware/access-log.ts'
import { toCause } from '../../src/middleware/cause.ts'
import { createRecent } from '../../src/telemetry/recent.ts'

const minuteMs = 60_000
const start = Date.UTC(2026, 10, 28, 12)

const toLine = (fields: Partial<LogLine> = {}): LogLine => ({
  time: '2026-11-28T12:00:00.000Z',
  request_id: 'a',
  method: 'POST',
  route: '/api/chat',
  status: 200,
  duration_ms: 5,
  surface: 'native',
  ...fields,
})

/** A line of a request that failed before its route was known to be an API. */
function toEarlyLine(fields: Partial<LogLine>): LogLine {
  const { surface: _, ...line } = toLine(fields)
  return line
}

/** What has happened, and a clock that a test moves. */
function create() {
  let at = start
  const recent = createRecent(() => at)
  return {
    ...recent,
    tell: (fields?: Partial<LogLine>) => recent.hear(toLine(fields)),
    pass: (ms: number) => void (at += ms),
    get last() {
      return recent.view().minutes.at(-1)!
    },
  }
}

describe('the last hour', () => {
  test('has 60 minutes, the oldest first, also if nothing has happened', () => {
    const { minutes } = create().view()
    expect(minutes).toHaveLength(60)
    expect(minutes[0]).toEqual({ at: '2026-11-28T11:01:00.000Z', requests: 0, failures: 0, tokens: 0 })
    expect(minutes[59]?.at).toBe('2026-11-28T12:00:00.000Z')
  })

  test('counts requests, failures and tokens in the minute in which they ended, and forgets them after an hour', () => {
    const all = create()
    all.tell({ tokens: 7 })
    all.pass(minuteMs)
    all.tell({ tokens: 3 })
    all.tell({ code: 'upstream_failed' })
    const toCounts = () => all.view().minutes.map(({ requests, failures, tokens }) => [requests, failures, tokens].join())
    expect(toCounts().slice(-2)).toEqual(['1,0,7', '2,1,3'])
    all.pass(58 * minuteMs)
    expect(toCounts().slice(0, 3)).toEqual(['1,0,7', '2,1,3', '0,0,0'])
    all.pass(minuteMs)
    expect(toCounts().slice(0, 2)).toEqual(['2,1,3', '0,0,0'])
    all.tell()
    expect(toCounts().filter((counts) => counts !== '0,0,0')).toEqual(['2,1,3', '1,0,0'])
  })

  test('a clock that is set back begins anew, and counts no minute twice', () => {
    const all = create()
    all.tell()
    all.pass(-90 * minuteMs)
    all.tell()
    expect(all.view().minutes.reduce((sum, { requests }) => sum + requests, 0)).toBe(1)
    expect(all.last.requests).toBe(1)
  })

  test.each<[string, LogLine]>([
    ['a probe of a load balancer', toEarlyLine({ route: '/healthz' })],
    ['a reader of an answer that another request has started', toLine({ resumed: true, tokens: 5 })],
    ['a stranger without a key', toEarlyLine({ code: 'unauthorized', status: 401 })],
    ['a path that does not exist', toEarlyLine({ code: 'not_found', status: 404 })],
  ])('%s does not count', (_name, line) => {
    const all = create()
    all.hear(line)
    expect(all.last).toMatchObject({ requests: 0, failures: 0, tokens: 0 })
    expect(all.view().failures).toEqual([])
  })

  test('the percentiles of the first tokens are within 5 % of the exact ones', () => {
    assert(
      property(array(integer({ min: 1, max: 640_000 }), { minLength: 1, maxLength: 200 }), (times) => {
        const all = create()
        for (const ms of times) all.tell({ ttft_ms: ms })
        const { ttft_p50_ms: half, ttft_p95_ms: most } = all.last
        const sorted = times.toSorted((a, b) => a - b)
        for (const [found, part] of [
          [half, 0.5],
          [most, 0.95],
        ] as const) {
          const exact = sorted[Math.ceil(times.length * part) - 1]!
          expect(Math.abs(found! - exact)).toBeLessThanOrEqual(exact * 0.05 + 0.5)
        }
      }),
    )
  })

  test('a first token after 0 ms is in the first step, and one after an hour in the last', () => {
    const all = create()
    all.tell({ ttft_ms: 0 })
    expect(all.last.ttft_p50_ms).toBe(1)
    all.pass(minuteMs)
    all.tell({ ttft_ms: 3_600_000 })
    expect(all.last.ttft_p50_ms).toBeGreaterThan(1_400_000)
  })
})

describe('the last failures', () => {
  test('of one caller that makes up models do not hide those of others', () => {
    const all = create()
    all.tell({ code: 'upstream_unreachable', host: 'big' })
    for (let i = 0; i < 1000; i++) all.tell({ code: 'model_not_found', key: 'eve', model: `made-up-${i}` })
    for (const key of ['alice', 'bob']) all.tell({ code: 'model_not_found', key, model: 'real' })
    for (let i = 0; i < 1000; i++) all.tell({ code: 'model_not_found', key: 'eve', model: `new-${i}` })
    const { failures } = all.view()
    expect(failures).toHaveLength(20)
    expect(failures.filter(({ key }) => key !== 'eve').map(({ code, key }) => [code, key])).toEqual([
      ['model_not_found', 'bob'],
      ['model_not_found', 'alice'],
      ['upstream_unreachable', undefined],
    ])
    expect(failures[0]?.model).toBe('new-999')
  })

  test('have what the log says of them, the newest first, and of a cause only its first word', () => {
    const all = create()
    all.tell({ code: 'upstream_failed', key: 'alice', model: 'qwen3:8b', host: 'big', bytes: 5, tokens: 9 })
    const time = '2026-11-28T12:00:01.000Z'
    all.tell({ time, code: 'internal', cause: toCause(new TypeError('a prompt'))! })
    const known = { count: 1, route: '/api/chat', surface: 'native' }
    expect(all.view().failures).toEqual([
      { ...known, time, code: 'internal', cause: 'TypeError' },
      {
        ...known,
        time: '2026-11-28T12:00:00.000Z',
        code: 'upstream_failed',
        key: 'alice',
        model: 'qwen3:8b',
        host: 'big',
      },
    ])
  })

  test('have a stalled reader, and nothing that a reader wanted', () => {
    const all = create()
    all.tell({ ended: 'stalled' })
    all.tell({ ended: 'left' })
    all.tell({ ended: 'failed', code: 'cancelled' })
    expect(all.view().failures.map(({ code }) => code)).toEqual(['stalled'])
    expect(all.last).toMatchObject({ requests: 3, failures: 1 })
  })

  test('equal ones are one entry, which moves to the front', () => {
    const all = create()
    const limited = toEarlyLine({ code: 'rate_limited', key: 'bob' })
    for (let i = 0; i < 1000; i++) all.hear(limited)
    all.tell({ code: 'upstream_failed' })
    all.hear({ ...limited, time: 'later' })
    expect(all.view().failures.map(({ code, count, time }) => [code, count, time])).toEqual([
      ['rate_limited', 1001, 'later'],
      ['upstream_failed', 1, '2026-11-28T12:00:00.000Z'],
    ])
  })

  test('100,000 different ones keep 20 entries', () => {
    const all = create()
    const codes: ErrorCode[] = ['upstream_failed', 'idle_timeout']
    for (let i = 0; i < 100_000; i++) all.tell({ code: codes[i % 2]!, model: `model-${i}` })
    const { failures } = all.view()
    expect(failures).toHaveLength(20)
    expect(failures[0]?.model).toBe('model-99999')
  })
})
