import type { Context, Hono } from 'hono'
import type { GenerationPlan } from '../dialects/dialect.ts'
import type { Env } from '../middleware/env.ts'

/**
 * The places of the runs, on a platform where each run has a place of its own. The same app runs
 * there, and answers the requests that are sent to it.
 */
export interface Elsewhere {
  /**
   * Starts a run: sends the request with its parsed body to a new place. Returns undefined if there
   * can be no run now, and the answer is not recorded.
   * @throws ServiceError `rate_limited` if a background run would be one detached run too many
   */
  start(c: Context<Env>, plan: GenerationPlan, body: Readonly<Record<string, unknown>>): Promise<Response | undefined>
  /**
   * The routes of runs. They send a request about a run to the place of the run. They pass a
   * request on to this app if no place can have the run.
   */
  readonly routes: Hono<Env>
  /** Does the same with a POST that has a `Last-Event-ID`. */
  resumePost(c: Context<Env>, lastEventId: string, body: Readonly<Record<string, unknown>>): Promise<Response | undefined>
}
