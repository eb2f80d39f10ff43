import type { LogLine } from '../middleware/access-log.ts'

/** What has happened lately. It hears each line of the log, and keeps no text of a request. */
export interface Recent {
  hear(line: LogLine): void
  view(): RecentView
}

export interface RecentView {
  /** The last hour, the oldest minute first. The last entry is the minute that still runs. */
  readonly minutes: readonly Minute[]
  /** The last failures, the newest first. Equal failures are one entry. */
  readonly failures: readonly Failure[]
}

/** What ended within one minute of the clock. */
export interface Minute {
  /** When the minute began, in ISO 8601. */
  readonly at: string
  readonly requests: number
  readonly failures: number
  readonly tokens: number
  /** Half of the first tokens came within this time, in milliseconds. It is exact to 5 %. */
  readonly ttft_p50_ms?: number
  /** 95 of 100 first tokens came within this time. */
  readonly ttft_p95_ms?: number
}

/** A request that failed, as the log tells it. */
export interface Failure extends Pick<LogLine, 'route' | 'surface' | 'key' | 'model' | 'host'> {
  /** When it happened last, in ISO 8601. */
  readonly time: string
  /** How often it happened. */
  readonly count: number
  /** The code of the error. `stalled`: the reader read nothing for too long. */
  readonly code: NonNullable<LogLine['code']> | 'stalled'
  /** The first word of the cause, such as `ECONNREFUSED`. */
  readonly cause?: string
}

const minuteMs = 60_000
const minuteCount = 60
const failureCount = 20

/**
 * Times to the first token are counted in steps that grow by a tenth, so that a minute of any
 * length of log takes the same memory. 150 steps reach to 27 minutes.
 */
const step = 1.1
const stepCount = 150

/**
 * These errors are no failures of an answer. The first is a wish of a reader. A stranger can cause
 * the others without a key, and would push the failures that matter out of the list.
 */
const expected = new Set<LogLine['code']>([
  'cancelled',
  'unauthorized',
  'forbidden_host',
  'forbidden_origin',
  'not_found',
  'method_not_allowed',
])

interface Counts {
  /** Counts minutes since 1970. */
  readonly minute: number
  requests: number
  failures: number
  tokens: number
  readonly firstTokens: Uint32Array
}

/** @param time returns milliseconds since 1970 */
export function createRecent(time: () => number = Date.now): Recent {
  /**
   * A minute stands at its number modulo 60, so that each one takes the place of the one an hour
   * before.
   */
  const ring: Counts[] = []
  /** By all fields but `time` and `count`. The newest is the last. */
  const failures = new Map<string, Failure>()

  function toCounts(minute: number): Counts {
    const known = ring[minute % minuteCount]
    if (known?.minute === minute) return known
    return (ring[minute % minuteCount] = {
      minute,
      requests: 0,
      failures: 0,
      tokens: 0,
      firstTokens: new Uint32Array(stepCount),
    })
  }

  function keep({ time, route, surface, key, model, host, cause }: LogLine, code: Failure['code']) {
    const failure: Omit<Failure, 'time' | 'count'> = {
      route,
      code,
      ...(surface !== undefined && { surface }),
      ...(key !== undefined && { key }),
      ...(model !== undefined && { model }),
      ...(host !== undefined && { host }),
      ...(cause !== undefined && { cause: cause.split(' ', 1)[0]! }),
    }
    const name = JSON.stringify(failure)
    const count = (failures.get(name)?.count ?? 0) + 1
    failures.delete(name) // so that it moves to the end
    failures.set(name, { time, count, ...failure })
    if (failures.size > failureCount) failures.delete(toLeastNews(failures))
  }

  return {
    hear(line) {
      const code = line.ended === 'stalled' ? 'stalled' : line.code
      const isFailure = code !== undefined && !expected.has(line.code)
      // A reader of an answer that another request has started counts only if it fails.
      const isAnswer = line.surface !== undefined && !line.resumed
      if (!isAnswer && !isFailure) return
      const counts = toCounts(Math.floor(time() / minuteMs))
      counts.requests++
      if (!line.resumed) counts.tokens += line.tokens ?? 0
      if (line.ttft_ms !== undefined) counts.firstTokens[toStep(line.ttft_ms)]!++
      if (!isFailure) return
      counts.failures++
      keep(line, code)
    },
    view() {
      const last = Math.floor(time() / minuteMs)
      const minutes = Array.from({ length: minuteCount }, (_, i) => {
        const minute = last - minuteCount + 1 + i
        const counts = ring[minute % minuteCount]
        return toMinute(minute, counts?.minute === minute ? counts : undefined)
      })
      return { minutes, failures: [...failures.values()].toReversed() }
    },
  }
}

/**
 * Returns the name of the failure that is left out: the oldest one of the code and key that have the
 * most. So a caller that asks for a thousand models that do not exist hides nobody else's failure.
 */
function toLeastNews(failures: ReadonlyMap<string, Failure>): string {
  const alike = Map.groupBy(failures, ([, { code, key }]) => `${code} ${key}`)
  const [most] = [...alike.values()].toSorted((a, b) => b.length - a.length)
  return most![0]![0]
}

function toMinute(minute: number, counts: Counts | undefined): Minute {
  const at = new Date(minute * minuteMs).toISOString()
  if (!counts) return { at, requests: 0, failures: 0, tokens: 0 }
  const { requests, failures, tokens, firstTokens } = counts
  const [p50, p95] = [toPercentile(firstTokens, 0.5), toPercentile(firstTokens, 0.95)]
  return {
    at,
    requests,
    failures,
    tokens,
    ...(p50 !== undefined && { ttft_p50_ms: p50 }),
    ...(p95 !== undefined && { ttft_p95_ms: p95 }),
  }
}

function toStep(ms: number): number {
  return Math.min(stepCount - 1, Math.floor(Math.log(Math.max(1, ms)) / Math.log(step)))
}

/** Returns the middle of the step that has the time of this rank. */
function toPercentile(steps: Uint32Array, part: number): number | undefined {
  const count = steps.reduce((sum, one) => sum + one, 0)
  let left = Math.ceil(count * part)
  const found = steps.findIndex((one) => (left -= one) <= 0)
  return count === 0 ? undefined : Math.round(step ** (found + 0.5))
}
