import type { Context } from 'hono'
import type { Encoder } from '../encoders/encoder.ts'
import { ServiceError } from '../errors.ts'
import type { Env } from '../middleware/env.ts'
import { methods } from '../middleware/methods.ts'
import { notResumable } from '../streams/failures.ts'
import { toFailureFrames } from '../streams/recorder.ts'
import { createNumberer, parseFrameId } from '../streams/run-log.ts'
import type { Run, Runs } from '../streams/runs.ts'
import { toFrameNumber, toPlace, view, type Place, type ViewOptions } from './view.ts'
import { createRoutes } from './create-routes.ts'

/** The id of no run. The frame of `not_resumable` has it. */
const noRun = 'none'

export interface ResumeOptions extends ViewOptions {
  runs: Runs
}

interface StreamRoutesOptions extends ResumeOptions {
  /** The path in front of the routes. */
  base: string
}

/**
 * The routes of runs. `GET /streams/:run` sends the frames of a run, and `DELETE` stops the run, or
 * erases its log if it has finished. `GET /streams` lists the runs of a key. Another caller's run
 * and a run that does not exist get the same response.
 */
export function streamRoutes({ base, streams, runs, attach }: StreamRoutesOptions) {
  const find = async (c: Context<Env, '/streams/:run'>): Promise<Run> => {
    const run = await runs.find(c.req.param('run'), c.var.principal.name)
    if (!run) throw notFound()
    return run
  }

  return createRoutes()
    .all('/streams', methods('GET'), async (c) => {
      const { name } = c.var.principal
      if (name === '') throw notFound()
      const summaries = (await runs.list(name)).map((run) => toSummary(run, base))
      return c.json({ streams: summaries }, 200, { 'cache-control': 'no-store' })
    })
    .all('/streams/:run', methods('GET', 'DELETE'), async (c) => {
      const run = await find(c)
      if (c.req.method === 'GET') return resume(c, await toPlace(run, toAfter(c, run)), { streams, attach })
      await run.stop()
      return c.body(null, 204)
    })
}

/**
 * Answers a POST that has a `Last-Event-ID`. Some clients repeat their POST after a broken
 * connection. Such a POST never generates, because that would be a second answer. If the run or the
 * frame is not there, the failure has the format of `encoder`. The id of its frame makes the next
 * repetition end with 204.
 * @throws ServiceError `invalid_request` if the id has another form, `not_resumable` if the answer
 * is no event stream
 */
export async function resumePost(
  c: Context<Env>,
  lastEventId: string,
  encoder: Encoder,
  { runs, ...options }: ResumeOptions,
): Promise<Response> {
  const id = parseFrameId(lastEventId)
  if (!id) throw malformed('Last-Event-ID')
  const run = await runs.find(id.run, c.var.principal.name)
  const place = run && (await toPlace(run, id.number))
  if (place && place.part !== 'dropped' && place.part !== 'lost') return resume(c, place, options)
  c.var.entry.resumed = true
  if (id.run === noRun) return c.body(null, 204)
  const error = notResumable()
  if (encoder.contentType !== 'text/event-stream') throw error
  c.var.entry.code = error.code
  const frames = toFailureFrames(encoder, error, c.var.requestId)
  return c.body(encoder.opening + createNumberer(noRun)(0, frames), 200, {
    'content-type': encoder.contentType,
    ...encoder.headers,
  })
}

/** Sends the rest of a run, or 204 if the reader has everything. */
export function resume(c: Context<Env>, place: Place, options: ViewOptions): Response {
  const { part } = place
  const isRead = typeof part === 'object' && part.isEnd && part.frames === ''
  if (!isRead) return view(c, place, options)
  c.var.entry.resumed = true
  return c.body(null, 204)
}

/** Returns the number of the last frame that the reader has. -1 if the request names none. */
function toAfter(c: Context<Env>, { log }: Run): number {
  const lastEventId = c.req.header('last-event-id')
  if (lastEventId !== undefined) {
    const id = parseFrameId(lastEventId)
    if (id?.run !== log.id) throw malformed('Last-Event-ID')
    return id.number
  }
  return toFrameNumber(c, 'after')
}

function toSummary({ log, request, state }: Run, base: string) {
  return { stream: `${base}/streams/${log.id}`, request_id: request.requestId, state }
}

const malformed = (field: string) => new ServiceError('invalid_request', `${field} must be the id of a frame: RUN.NUMBER`)
const notFound = () => new ServiceError('not_found', 'No stream has this id here; it may no longer be kept')
