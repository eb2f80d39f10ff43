import type { Context } from 'hono'
import { parseResponseId, toSnapshot } from '../dialects/openai/responses/background.ts'
import { ServiceError } from '../errors.ts'
import type { Env } from '../middleware/env.ts'
import { methods } from '../middleware/methods.ts'
import type { Run } from '../streams/runs.ts'
import type { ResumeOptions } from './streams.ts'
import { toFrameNumber, toPlace, view } from './view.ts'
import { createRoutes } from './create-routes.ts'

/**
 * The routes of OpenAI's background responses:
 * https://platform.openai.com/docs/api-reference/responses/get
 * A poll is no viewer of the run. Another caller's response and one that does not exist get the
 * same error.
 */
export function responseRoutes({ runs, ...options }: ResumeOptions) {
  const find = async (c: Context<Env, '/v1/responses/:id'>): Promise<Run> => {
    const runId = parseResponseId(c.req.param('id'))
    const run = runId === undefined ? undefined : await runs.find(runId, c.var.principal.name)
    if (run && run.request.graceMs === undefined) return run
    throw notFound()
  }

  async function answer(c: Context<Env>, { log, request }: Run): Promise<Response> {
    const newest = await log.newest()
    const queued = request.toQueued?.(log.id)
    // To make room for other answers, the log may have been dropped before its time.
    const response = newest === undefined ? queued : toSnapshot(newest, queued)
    if (!response) throw notFound()
    return c.json(response, 200, { 'cache-control': 'no-store' })
  }

  return createRoutes()
    .all('/v1/responses/:id', methods('GET', 'DELETE'), async (c) => {
      const run = await find(c)
      if (c.req.method === 'GET') {
        if (c.req.query('stream') !== 'true') return answer(c, run)
        return view(c, await toPlace(run, toFrameNumber(c, 'starting_after')), options)
      }
      await run.remove()
      return c.json({ id: c.req.param('id'), object: 'response', deleted: true })
    })
    .all('/v1/responses/:id/cancel', methods('POST'), async (c) => {
      const run = await find(c)
      if (run.state !== 'finished') await run.stop()
      return answer(c, run)
    })
}

function notFound(): ServiceError {
  return new ServiceError('not_found', 'No background response has this id here; it may no longer be kept')
}
