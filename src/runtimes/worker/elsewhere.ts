import type { Context, Handler } from 'hono'
import type { Config } from '../../config/parse-config.ts'
import { parseResponseId } from '../../dialects/openai/responses/background.ts'
import type { Env } from '../../middleware/env.ts'
import { toLimitKey } from '../../middleware/limit-guard.ts'
import type { Elsewhere } from '../../routes/elsewhere.ts'
import { findChatRun, type RunEntry } from '../../store/objects/run-directory.ts'
import { orUnavailable, tooManyDetached } from '../../streams/failures.ts'
import { parseFrameId } from '../../streams/run-log.ts'
import { toDirectory } from './callers.ts'
import { placeHeader, type Namespaces } from './namespaces.ts'
import { createRoutes } from '../../routes/create-routes.ts'

export interface ElsewhereOptions extends Namespaces {
  config: Config
  address: (c: Context) => string
}

/** A background run without its object after this time is no longer counted, in milliseconds. */
const admittedMs = 60_000

/**
 * Sends the requests of runs to Durable Objects: each run has one of its own, and the list of a
 * key's runs is in the object of the key. The objects run the same app, with the same keys.
 */
export function createElsewhere({ runs, callers, config, address }: ElsewhereOptions): Elsewhere {
  const { maxDetached } = config.resume
  const { base } = config.server

  const directoryOf = (c: Context<Env>) => toDirectory(callers, c.var.principal.name)
  const listRuns = async (c: Context<Env>) => orUnavailable((await directoryOf(c)).list())

  /** Sends a request to an object, and returns the response of the object. */
  async function send(c: Context<Env>, runId: string, body?: Env['Variables']['body']): Promise<Response> {
    const { method, url, signal } = c.req.raw
    const headers = new Headers(c.req.raw.headers)
    headers.set('x-request-id', c.var.requestId)
    for (const name of ['content-encoding', 'content-length', 'transfer-encoding', placeHeader]) headers.delete(name)
    const verdict = body && c.var.verdict
    if (verdict?.id !== undefined) headers.set(placeHeader, verdict.id)
    const request = new Request(url, { method, headers, signal, body: body ? JSON.stringify(body) : null })
    const fetched = orUnavailable(runs.get(runs.idFromString(runId)).fetch(request))
    const response = await fetched.catch((error: unknown) => {
      if (signal.aborted) verdict?.handOver?.() // the reader has left, and the answer may go on
      throw error
    })
    verdict?.handOver?.()
    c.set('isElsewhere', true)
    const own = new Headers(response.headers)
    own.delete('vary') // this app sets it again
    return c.newResponse(response.body, { status: response.status as 200, headers: own })
  }
  function isRun(id: string): boolean {
    try {
      runs.idFromString(id)
      return true
    } catch {
      return false
    }
  }
  /**
   * Sends a request without a body to several objects. Returns the response of one that did it.
   * @throws ServiceError `store_unavailable` if none did it, and one could not be reached
   */
  async function sendToAll(c: Context<Env>, entries: readonly RunEntry[]): Promise<Response | undefined> {
    const results = await Promise.allSettled(entries.map(({ id }) => send(c, id)))
    for (const result of results) if (result.status === 'fulfilled' && result.value.status === 204) return result.value
    for (const result of results) if (result.status === 'rejected') throw result.reason
    return undefined
  }
  /**
   * Passes a request on to this app, unless a run can have the id, and one of these methods is
   * used.
   */
  function sendToRun(toRun: (id: string) => string | undefined, ...methods: readonly string[]): Handler<Env> {
    return async (c, next) => {
      const id = toRun(c.req.param('id')!)
      return id !== undefined && isRun(id) && methods.includes(c.req.method) ? send(c, id) : next()
    }
  }
  const isOpen = ({ state }: RunEntry) => state !== 'finished'

  const routes = createRoutes()
    .all('/streams', async (c, next) => {
      if (c.var.principal.name === '' || c.req.method !== 'GET') return next()
      const entries = await listRuns(c)
      const toStream = (id: string) => `${base}/streams/${id}`
      const streams = entries.map(({ id, requestId, state }) => ({ stream: toStream(id), request_id: requestId, state }))
      return c.json({ streams }, 200, { 'cache-control': 'no-store' })
    })
    .all(
      '/streams/:id',
      sendToRun((id) => id, 'GET', 'DELETE'),
    )
    .all('/api/ui/chat/:id/stream', async (c, next) => {
      const entries = c.req.method === 'GET' ? await listRuns(c) : []
      const run = findChatRun(entries, c.req.param('id'))
      return run ? send(c, run.id) : next()
    })
    .all('/api/ui/chat/:id/stop', async (c, next) => {
      if (c.req.method !== 'POST' && c.req.method !== 'DELETE') return next()
      const entries = await listRuns(c)
      const ofChat = entries.filter((entry) => entry.chat === c.req.param('id') && isOpen(entry))
      return (await sendToAll(c, ofChat)) ?? next()
    })
    .all('/ollama/cancel/:id', async (c, next) => {
      await next()
      if (c.res.status !== 404) return
      const open = (await listRuns(c)).filter(isOpen)
      // The id may be that of another reader of a run, which only the object of the run knows.
      const named = open.filter(({ requestId }) => requestId === c.req.param('id'))
      const response = await sendToAll(c, named.length > 0 ? named : open)
      if (response) c.res = response
    })
  for (const base of ['', '/ollama'])
    routes
      .all(`${base}/v1/responses/:id`, sendToRun(parseResponseId, 'GET', 'DELETE'))
      .all(`${base}/v1/responses/:id/cancel`, sendToRun(parseResponseId, 'POST'))

  return {
    async start(c, { background }, body) {
      const id = runs.newUniqueId().toString()
      if (background) {
        const { requestId } = c.var
        const caller = toLimitKey(c, address)
        const expiresAt = Date.now() + admittedMs
        const entry = { id, caller, requestId, state: 'detached', isBackground: true, expiresAt } as const
        const directory = await directoryOf(c)
        if (!(await orUnavailable(directory.set(entry, maxDetached)))) throw tooManyDetached(maxDetached)
      }
      const response = await send(c, id, body)
      // Its place among the detached runs is free at once, and not after `admittedMs`.
      if (background && response.status === 429) await orUnavailable((await directoryOf(c)).forget(id))
      return response
    },
    routes,
    async resumePost(c, lastEventId, body) {
      const id = parseFrameId(lastEventId)?.run
      return id !== undefined && isRun(id) ? send(c, id, body) : undefined
    },
  }
}
