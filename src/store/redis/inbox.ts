import { isForeign } from './entries.ts'
import { keys } from './keys.ts'
import { parseMessage } from './parse-message.ts'
import type { Redis } from './redis.ts'

/** What a process asks of the process that makes a run. */
export type Request =
  /**
   * `runs` has the number of readers that the process `from` has of each run. `hasReadEnd` says
   * that the reader who has just left has read the end.
   */
  | {
      readonly type: 'viewers'
      readonly from: string
      readonly runs: Readonly<Record<string, number>>
      readonly hasReadEnd?: boolean
    }
  /** The process `from` waits for the answer to the question `id`. */
  | { readonly type: 'stop' | 'remove'; readonly run: string; readonly from: string; readonly id: string }

/** The list in which a process finds the requests of the others. */
export interface Inbox {
  /** Sends a request to a process. It waits there if the bell is lost. */
  send(process: string, request: Request): Promise<unknown>
  /** Takes the requests for this process. */
  take(): Promise<void>
}

export interface InboxOptions {
  readonly redis: Redis
  readonly process: string
  /** After this time without a new request, Redis drops the list, in milliseconds. */
  readonly ttlMs: number
  readonly onRequest: (request: Partial<Request>) => void
}

/** How many requests are taken at once. */
const takeCount = 100

export function createInbox({ redis, process, ttlMs, onRequest }: InboxOptions): Inbox {
  const own = keys.inbox(process)

  async function pop(): Promise<readonly string[]> {
    try {
      return ((await redis.send('LPOP', own, `${takeCount}`)) as readonly string[] | null) ?? []
    } catch (error) {
      // Nobody could ask anything of this process as long as there is something else.
      if (isForeign(error)) await redis.send('UNLINK', own)
      throw error
    }
  }

  return {
    send(to, request) {
      const key = keys.inbox(to)
      return Promise.all([
        redis.send('RPUSH', key, JSON.stringify(request)),
        redis.send('PEXPIRE', key, `${ttlMs}`),
        redis.send('PUBLISH', keys.bell(to), ''),
      ])
    },
    async take() {
      for (let hasMore = true; hasMore;) {
        const requests = await pop()
        for (const request of requests) onRequest(parseMessage<Request>(request))
        hasMore = requests.length === takeCount
      }
    },
  }
}
