import type { Context } from 'hono'
import { ServiceError } from '../errors.ts'
import type { Env } from '../middleware/env.ts'
import type { Streams } from '../relay/streams.ts'
import { logDropped, logLost } from '../streams/failures.ts'
import type { Part } from '../streams/run-log.ts'
import type { Run } from '../streams/runs.ts'
import type { Attach } from './attach.ts'
import { startStream } from './start-stream.ts'

export interface ViewOptions {
  streams: Streams
  attach: Attach
}

/** A place in the log of a run. */
export interface Place {
  readonly run: Run
  /** The number of the last frame that the reader has. -1 if it has none. */
  readonly after: number
  /** What the log has behind that frame. */
  readonly part: Part
}

export async function toPlace(run: Run, after: number): Promise<Place> {
  return { run, after, part: await run.log.read(after) }
}

/**
 * Sends the frames of a run behind a place, and then each frame as it comes.
 * @throws ServiceError `log_dropped` or `log_lost` if the next frame is not there,
 * `invalid_request` if the run has ended before the place, and the errors of `startStream`
 */
export function view(c: Context<Env>, { run, after, part }: Place, { streams, attach }: ViewOptions): Response {
  if (part === 'dropped') throw logDropped()
  if (part === 'lost') throw logLost()
  if (part === 'beyond') throw invalid('The answer has ended before the frame that the request names')
  const { entry } = c.var
  entry.resumed = true
  const stream = startStream(c, streams)
  const { response } = attach(c, {
    run,
    after,
    stream,
    leave: run.join(),
    onEnd(end, bytes) {
      entry.ended = end
      entry.bytes = bytes
      stream.end()
    },
  })
  return response
}

/** Returns the number of a frame in a query parameter. -1 if the request does not have it. */
export function toFrameNumber(c: Context<Env>, parameter: 'after' | 'starting_after'): number {
  const [number, ...more] = c.req.queries(parameter) ?? []
  if (number === undefined) return -1
  if (more.length > 0 || !/^\d{1,15}$/.test(number)) throw invalid(`\`${parameter}\` must be the number of a frame`)
  return Number(number)
}

const invalid = (message: string) => new ServiceError('invalid_request', message)
