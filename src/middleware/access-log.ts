import { createMiddleware } from 'hono/factory'
import { routePath } from 'hono/route'
import type { Entry, Env } from './env.ts'

/** One line of the access log. Times in milliseconds. */
export interface LogLine extends Entry {
  time: string
  request_id: string
  method: string
  /** The route's pattern, and never the path that was sent. */
  route: string
  status: number
  duration_ms: number
}

/** Writes one line for each request, at the end of its stream. */
export function accessLog({ log, now }: { log: (line: LogLine) => void; now: () => number }) {
  return createMiddleware<Env>(async (c, next) => {
    const startedAt = now()
    const entry: Entry = {}
    c.set('entry', entry)
    await next()
    const { method } = c.req
    const { status } = c.res
    const route = routePath(c, -1)
    const write = () => {
      log({
        time: new Date().toISOString(),
        request_id: c.var.requestId,
        method,
        route: route.endsWith('*') ? '-' : route,
        status,
        duration_ms: Math.round(now() - startedAt),
        ...entry,
      })
    }
    const { ended } = c.var
    if (ended) void ended.then(write)
    else write()
  })
}
