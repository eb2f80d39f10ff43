import type { Entry } from './access-log.ts'
import type { Principal } from './keys.ts'

/** What middleware leaves for the handlers behind it. */
export interface Env {
  Variables: {
    requestId: string
    /** The access log's line of this request, to be filled in. */
    entry: Entry
    /** Who asks, behind `keyGuard`. */
    principal: Principal
    /** The parsed body, behind `jsonBody`. */
    body: Record<string, unknown>
  }
}
