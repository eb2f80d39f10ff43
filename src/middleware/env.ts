import type { Entry } from './access-log.ts'

/** What middleware leaves for the handlers behind it. */
export interface Env {
  Variables: {
    requestId: string
    /** The access log's line of this request, to be filled in. */
    entry: Entry
    /** The parsed body, behind `jsonBody`. */
    body: Record<string, unknown>
  }
}
