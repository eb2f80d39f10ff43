import { vi } from 'vitest'
import type { Pair, startPair } from '../../redis/pair.ts'
import type { PairName } from '../../runtimes/server.ts'
import type { startNginxOfPair } from '../proxy.ts'
import type { startTap } from '../tap.ts'

/** What a proxied pair consists of. */
export interface Parts {
  startPair: typeof startPair
  startNginxOfPair: typeof startNginxOfPair
  startTap: typeof startTap
}

/** A request that nginx has sent to one of the two servers. */
interface Sent {
  readonly to: 0 | 1
  /** The method and the path, such as `GET /streams/RUN`. */
  readonly request: string
}

/** Two servers with one Redis, behind the nginx of docs/scale.md. */
export interface ProxiedPair extends Pair {
  /** The requests of nginx, in their order. */
  readonly sent: readonly Sent[]
}

/** Starts a pair. nginx sends each request to the other server. */
export async function startProxiedPair(
  { startPair, startNginxOfPair, startTap }: Parts,
  name: PairName,
  env: Readonly<Record<string, string>>,
): Promise<ProxiedPair> {
  const sent: Sent[] = []
  const startRecorder = (port: number, to: Sent['to']) =>
    startTap(port, (data) => {
      // nginx sends the head of a request at once, and never two requests together.
      const [, request] = /^([A-Z]+ \S+) HTTP\/1\.1\r\n/.exec(data.toString('latin1')) ?? []
      if (request !== undefined) sent.push({ to, request })
    })
  const pair = await startPair(name, env, async ([first, second]) => {
    const taps = [await startRecorder(first.port, 0), await startRecorder(second.port, 1)] as const
    const nginx = await startNginxOfPair([taps[0].port, taps[1].port])
    return {
      url: nginx.url,
      async close() {
        await nginx.stop()
        for (const tap of taps) tap.stop()
      },
    }
  })
  return { ...pair, sent }
}

/** Returns which servers got a request of this kind, in the order of the requests. */
export function serversOf({ sent }: Pick<ProxiedPair, 'sent'>, kind: RegExp, after = 0): Sent['to'][] {
  return sent.slice(after).flatMap(({ to, request }) => (kind.test(request) ? [to] : []))
}

/** How the requests begin that ask for an answer, and those that come back to one. */
const asked = /^POST \/(?:api\/(?:ui\/)?)?chat$/
const resumed = /^GET \/(?:streams|api\/ui\/chat)\//

/**
 * Loads a page, again and again, until the server that does not make its answer has got the request
 * that comes back to the answer. A page that loads sends several requests, so it may return to the
 * same server. Another request then changes the turn.
 */
export async function comeBackElsewhere(pair: ProxiedPair, load: () => Promise<unknown>): Promise<void> {
  const producer = serversOf(pair, asked).at(-1)
  for (let tries = 0; tries < 10; tries++) {
    const before = pair.sent.length
    await load()
    const [server] = await vi.waitUntil(() => [serversOf(pair, resumed, before)].find(({ length }) => length > 0), 5000)
    if (server !== producer) return
    await fetch(`${pair.url}/ping`)
  }
  throw new Error(`Cannot reach the other server: ${JSON.stringify(pair.sent)}`)
}
