import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import { matchedRoutes } from 'hono/route'
import { toTokens } from '../generation.ts'
import type { Outcome } from '../relay/stream.ts'
import { toCause } from './cause.ts'
import type { Entry, Env, Trace } from './env.ts'

/** One line of the access log. Times are in milliseconds. */
export interface LogLine extends Entry {
  time: string
  request_id: string
  method: string
  /** The pattern of the route. The path of the request is never logged. */
  route: string
  status: number
  duration_ms: number
}

export interface AccessLogOptions {
  /**
   * Each hears every line, when the request is over. It must not throw, and nobody waits for it.
   */
  listeners: readonly ((line: LogLine, trace: Trace | undefined) => void)[]
  now: () => number
}

/**
 * Logs one line for each request that is answered here. If the answer is a stream, the line is
 * logged when the stream ends.
 */
export function accessLog({ listeners, now }: AccessLogOptions) {
  /**
   * This is a separate function, because its closure lives as long as the stream. On Bun, a closure
   * of the async function below would keep the whole request in memory (docs/hazards.md#81).
   */
  function toWriter(
    request: Pick<LogLine, 'request_id' | 'method' | 'route' | 'status'>,
    entry: Entry,
    trace: Trace | undefined,
    startedAt: number,
  ) {
    return (outcome?: Outcome) => {
      const line = {
        time: new Date().toISOString(),
        ...request,
        duration_ms: Math.round(now() - startedAt),
        ...entry,
        ...(outcome && toEntry(outcome, entry)),
      }
      for (const hear of listeners) hear(line, trace)
    }
  }

  return createMiddleware<Env>(async (c, next) => {
    const startedAt = now()
    const entry: Entry = {}
    c.set('entry', entry)
    await next()
    if (c.var.isElsewhere) return
    const { method } = c.req
    const { status } = c.res
    const { requestId, stream, trace } = c.var
    const write = toWriter({ request_id: requestId, method, route: toRoute(c), status }, entry, trace, startedAt)
    if (stream) void stream.ended.then(write)
    else write()
  })
}

/**
 * Returns the pattern of the route, also if a guard refused the request. The patterns of guards end
 * with `*`. A guard can stand behind a route.
 */
export function toRoute(c: Context): string {
  return matchedRoutes(c).findLast(({ path }) => !path.endsWith('*'))?.path ?? '-'
}

/**
 * Turns the outcome of a generation into fields of the access log. If the request named no model,
 * `model` comes from the last line of Ollama's answer.
 */
function toEntry({ ended, tally, bytes, startedAt }: Outcome, { model = tally.done?.model }: Entry): Entry {
  const cause = ended.how === 'failed' ? toCause(ended.error.cause) : undefined
  return {
    model,
    ended: ended.how,
    ...(ended.how === 'failed' && { code: ended.error.code }),
    ...(cause && { cause }),
    ...(tally.firstDeltaAt !== undefined && { ttft_ms: Math.round(tally.firstDeltaAt - startedAt) }),
    ...toUsage(tally),
    bytes,
  }
}

/**
 * The tokens of a generation. Ollama counts them in its last line, which an aborted answer lacks.
 */
function toUsage({ done, deltas }: Outcome['tally']): Pick<Entry, 'tokens_in' | 'tokens' | 'estimated'> {
  const [tokens_in, tokens] = [toTokens(done?.prompt_eval_count), toTokens(done?.eval_count)]
  if (tokens === undefined) return { tokens: deltas, ...(deltas > 0 && { estimated: true }) }
  return { ...(tokens_in !== undefined && { tokens_in }), tokens }
}
