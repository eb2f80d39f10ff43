import type { Context, MiddlewareHandler } from 'hono'
import type { Dialect, GenerationPlan } from '../dialects/dialect.ts'
import { createIgnored } from '../dialects/ignored.ts'
import type { Encoder } from '../encoders/encoder.ts'
import { isProgress, type GenerationCall } from '../generation.ts'
import type { Env } from '../middleware/env.ts'
import type { ReservedTokens, TokenBudget } from '../middleware/token-budget.ts'
import { estimateGeneration } from '../middleware/token-estimate.ts'
import type { Deadlines } from '../relay/core.ts'
import { createJitter } from '../relay/jitter.ts'
import { createRelay } from '../relay/relay.ts'
import type { Open } from '../relay/sink.ts'
import type { Streams } from '../relay/streams.ts'
import type { Upstream } from '../upstreams/upstream.ts'
import { toCaller } from './caller.ts'
import { toErrorResponse } from './error-response.ts'
import { toHostHeader } from './host-header.ts'
import { toIgnoredHeader } from './ignored-header.ts'
import type { Answer } from './record.ts'
import { startStream } from './start-stream.ts'
import { createRoutes } from './create-routes.ts'

export interface GenerationsOptions {
  dialect: Dialect
  /** Reads the body. */
  body: MiddlewareHandler<Env>
  upstream: Upstream
  budget: TokenBudget
  /** Limits the length of an answer, as `num_predict`. 0 means no limit. */
  maxNumPredict: number
  streams: Streams
  deadlines: Deadlines
  /** How many bytes the encoder may buffer for an answer that is not streamed. */
  maxBytes: number
  open: Open
  /**
   * Sends a request that asks for a run to another place. Undefined if this app has to answer. By
   * default, it answers all.
   */
  sendElsewhere?:
    | ((c: Context<Env>, plan: GenerationPlan, body: Env['Variables']['body']) => Promise<Response | undefined>)
    | undefined
  /** Records an answer, if the request asks for that. */
  record: (c: Context<Env>, plan: GenerationPlan) => Answer | undefined
  /** Answers a POST with a `Last-Event-ID`, which repeats an earlier one. */
  resumePost: (c: Context<Env>, lastEventId: string, encoder: Encoder, body: Env['Variables']['body']) => Promise<Response>
  /**
   * Returns the function that keeps work running on workerd until `promise` settles, even after the
   * response has ended.
   */
  toWaitUntil: (c: Context) => (promise: Promise<unknown>) => void
  now: () => number
}

/**
 * The routes of one dialect that generate an answer. Each route turns its request into a call to
 * the upstream, and the events of the call into the response. If the reader disconnects, the call
 * is aborted.
 */
export function generations({
  dialect,
  body,
  upstream,
  budget,
  maxNumPredict,
  streams,
  deadlines,
  maxBytes,
  open,
  sendElsewhere,
  record,
  resumePost,
  toWaitUntil,
  now,
}: GenerationsOptions) {
  const jitter = createJitter()

  /** The answer to a reader whose leaving ends the generation. */
  function pass(c: Context<Env>, { encoder }: GenerationPlan): Answer {
    const stream = startStream(c, streams)
    return { stream, encoder, open: (headers) => open(c, headers, stream.leave), finish: stream.end }
  }

  /** Reserves what the answer may use, and generates it. Most callers have no budget. */
  function admit(c: Context<Env>, plan: GenerationPlan): Promise<Response> {
    const { call } = plan
    c.var.entry.surface = dialect.name
    c.var.entry.model = call.model
    const toEstimate = () => estimateGeneration(call, c.var.bodyBytes, [maxNumPredict, c.var.principal.token?.num_predict])
    const reserving = isProgress(call) ? undefined : budget.reserve(c, toEstimate)
    return reserving ? reserving.then((tokens) => generateWithin(tokens, c, plan)) : generate(c, plan)
  }

  function generateWithin(tokens: ReservedTokens, c: Context<Env>, plan: GenerationPlan): Promise<Response> {
    try {
      return generate(c, plan, tokens)
    } catch (error) {
      tokens.settle() // all streams are in use, for example
      throw error
    }
  }

  function generate(c: Context<Env>, plan: GenerationPlan, tokens?: ReservedTokens): Promise<Response> {
    const { call, chat, ignored = createIgnored() } = plan
    const caller = toCaller(c)
    const { stream, encoder, published, isDetached, open, refuse, finish } = record(c, plan) ?? pass(c, plan)
    const waitUntil = toWaitUntil(c)
    const { run, waiting, progress, response } = createRelay({
      stream,
      encoder,
      deadlines: {
        ...toDeadlines(deadlines, call),
        heartbeatMs: jitter(deadlines.heartbeatMs),
        // The log of a background answer must have its end, whatever that is.
        ...(plan.background && { graceMs: -1 }),
      },
      maxBytes,
      now,
      open() {
        return open({
          'content-type': encoder.contentType,
          ...encoder.headers,
          ...toIgnoredHeader(c, ignored),
          ...toHostHeader(c),
        })
      },
      refuse: (error) => refuse?.(error) ?? toErrorResponse(c, error, dialect),
    })
    stream.watched = { notes: c.var.entry, progress, isDetached }
    const generation = upstream.generate(call, {
      signal: stream.signal,
      ...caller,
      session: caller.session ?? chat,
      waitUntil,
      ignore: ignored.add,
      onSent: tokens?.onSent,
      onWaiting: waiting,
      showsWaiting: encoder.toStatus !== undefined,
    })
    waitUntil(run(generation).then(tokens ? settling(tokens, finish) : isProgress(call) ? withoutTokens(finish) : finish))
    return published ? published.then(() => response) : response
  }

  const app = createRoutes()
  for (const [path, toPlan] of Object.entries(dialect.generations)) {
    app.post(path, body, (c) => {
      // One by one, because on Node a list of all headers stays in memory as long as the request.
      const [accept, prefer] = [c.req.header('accept'), c.req.header('prefer')]
      const { body } = c.var
      const plan = toPlan({ accept, prefer, canCut: open.canCut(c), body })
      c.set('body', {}) // otherwise the context would keep images in memory until the stream ends
      const lastEventId = c.req.header('last-event-id')
      if (lastEventId !== undefined) return resumePost(c, lastEventId, plan.encoder, body)
      if (!sendElsewhere) return admit(c, plan)
      return sendElsewhere(c, plan, body).then((response) => response ?? admit(c, plan))
    })
  }
  return app
}

/**
 * This is a separate function, because its closure lives as long as the stream and must not keep
 * the request in memory (docs/hazards.md#81).
 */
function settling({ settleAnswer }: ReservedTokens, finish: Answer['finish']): Answer['finish'] {
  return (outcome) => {
    settleAnswer(outcome)
    finish(outcome)
  }
}

/** A pull, push or create makes no tokens. Its pieces are reports of progress. */
function withoutTokens(finish: Answer['finish']): Answer['finish'] {
  return ({ tally, ...outcome }) => finish({ ...outcome, tally: { ...tally, firstDeltaAt: undefined, deltas: 0 } })
}

/**
 * Adapts the deadlines to a call. While a model writes a tool call, Ollama is silent. The silence
 * may be as long as the wait for a first token (docs/protocol.md#8-configuration). So a call with
 * tools uses the limit of the first token as its idle limit. Pull, push and create have no tokens,
 * and may continue as long as they report progress (docs/protocol.md#1-routes). So they use only
 * the idle limit.
 */
function toDeadlines(deadlines: Deadlines, call: GenerationCall): Deadlines {
  if (isProgress(call)) return { ...deadlines, firstTokenMs: deadlines.idleMs, totalMs: 0 }
  const { tools } = call.body
  return Array.isArray(tools) && tools.length > 0 ? { ...deadlines, idleMs: deadlines.firstTokenMs } : deadlines
}
