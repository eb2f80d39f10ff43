import { Hono, type Context, type MiddlewareHandler } from 'hono'
import type { Dialect, GenerationPlan } from '../dialects/dialect.ts'
import { createIgnored } from '../dialects/ignored.ts'
import { toNumber } from '../exact-json.ts'
import type { GenerationCall } from '../generation.ts'
import { toCause } from '../middleware/cause.ts'
import type { Entry, Env } from '../middleware/env.ts'
import { createCore, type Core, type Deadlines } from '../relay/core.ts'
import { createRelay } from '../relay/relay.ts'
import type { Open } from '../relay/sink.ts'
import { createSpread } from '../relay/spread.ts'
import type { Streams } from '../relay/streams.ts'
import type { Upstream } from '../upstreams/upstream.ts'
import { toErrorResponse } from './error-response.ts'
import { createReader } from './reader.ts'
import { toCaller } from './caller.ts'
import { toIgnoredHeader } from './ignored-header.ts'

export interface GenerationsOptions {
  dialect: Dialect
  /** Reads the body. */
  body: MiddlewareHandler<Env>
  upstream: Upstream
  streams: Streams
  deadlines: Deadlines
  /** How many bytes an answer in one piece may gather. */
  maxBytes: number
  open: Open
  /** Keeps a promise alive after the response (workerd). */
  hold: (c: Context, promise: Promise<unknown>) => void
  now: () => number
}

/**
 * The streams of one dialect: its request → a call → the response. A reader that leaves stops
 * everything.
 */
export function generations({ dialect, body, upstream, streams, deadlines, maxBytes, open, hold, now }: GenerationsOptions) {
  const spread = createSpread()

  function generate(c: Context<Env>, { call, encoder, ignored = createIgnored() }: GenerationPlan) {
    const { entry, requestId } = c.var
    entry.model = call.model

    const { controller, leave, release } = createReader(c, streams)
    const core = createCore({
      encoder,
      requestId,
      deadlines: { ...toDeadlines(deadlines, call), heartbeatMs: spread(deadlines.heartbeatMs) },
      maxBytes,
      now: now(),
    })
    const startedAt = now()
    const response = Promise.withResolvers<Response>()
    const relay = createRelay({
      core,
      now,
      controller,
      open() {
        const headers = { 'content-type': encoder.contentType, ...encoder.headers, ...toIgnoredHeader(c, ignored) }
        const { response: opened, sink } = open(c, headers, leave)
        response.resolve(opened)
        return sink
      },
      refuse(ended) {
        if (ended.how === 'failed') response.resolve(toErrorResponse(c, ended.error, dialect))
        else response.resolve(new Response(null, { status: 499 })) // nobody is there to read it
      },
    })
    const generation = upstream.generate(call, {
      signal: controller.signal,
      ...toCaller(c),
      hold: (promise) => hold(c, promise),
      ignore: ignored.add,
      ...(encoder.toStatus && { onWaiting: relay.waiting }),
    })
    const ended = relay.run(generation).then((bytes) => {
      release()
      tell(entry, core, bytes, startedAt)
    })
    c.set('ended', ended)
    hold(c, ended)
    return response.promise
  }

  const app = new Hono<Env>()
  for (const [path, parse] of Object.entries(dialect.generations)) {
    app.post(path, body, (c) => {
      const { accept, prefer } = c.req.header()
      const plan = parse({ accept, prefer, canCut: open.canCut(c), body: c.var.body })
      c.set('body', {}) // the context lives as long as the stream, and must not keep an image
      return generate(c, plan)
    })
  }
  return app
}

/**
 * Ollama is silent while a model composes the call of a tool. That may take as long as a first
 * token (docs/protocol.md §8), so with tools the idle limit is that of the first token. Pull, push
 * and create have no first token, and may go on as long as they tell of their progress (§1).
 */
function toDeadlines(deadlines: Deadlines, { endpoint, body }: GenerationCall): Deadlines {
  if (endpoint !== 'generate' && endpoint !== 'chat') return { ...deadlines, firstTokenMs: deadlines.idleMs, totalMs: 0 }
  const hasTools = Array.isArray(body.tools) && body.tools.length > 0
  return hasTools ? { ...deadlines, idleMs: deadlines.firstTokenMs } : deadlines
}

function tell(entry: Entry, { ended, tally }: Core, bytes: number, startedAt: number) {
  if (!ended) return
  entry.ended = ended.how
  if (ended.how === 'failed') {
    entry.code = ended.error.code
    const cause = toCause(ended.error.cause)
    if (cause) entry.cause = cause
  }
  if (tally.firstDeltaAt !== undefined) entry.ttft_ms = Math.round(tally.firstDeltaAt - startedAt)
  entry.model ??= tally.done?.model
  entry.tokens = toNumber(tally.done?.eval_count ?? tally.deltas)
  entry.bytes = bytes
}
