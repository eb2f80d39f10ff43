import type { Connect, UpstreamResponse } from '../connect.ts'
import { createIdleWires, type IdleWires } from './idle-wires.ts'
import { readResponse } from './read-response.ts'
import type { Dial, Wire } from './wire.ts'
import { writeRequest } from './write-request.ts'

export interface ViaSocketsOptions {
  dial: Dial
  /** How long a connection may take to open, in milliseconds. 0 means no limit. */
  connectTimeoutMs?: number
  /** Runs a step in a later turn, so that other streams get their turn (docs/hazards.md#44). */
  defer: (step: () => void) => void
}

/**
 * A `Connect` for plain `http:` upstreams, over the sockets of the runtime. An HTTP client costs
 * more for each token than all the rest of Sluice (docs/performance.md).
 */
export function viaSockets({ dial, connectTimeoutMs = 0, defer }: ViaSocketsOptions): Connect {
  const idleOf = new Map<string, IdleWires>()

  function toIdle({ origin }: URL): IdleWires {
    const idle = idleOf.get(origin) ?? createIdleWires(defer)
    idleOf.set(origin, idle)
    return idle
  }

  return async (request, signal) => {
    signal.throwIfAborted()
    const url = new URL(request.url)
    const idle = toIdle(url)
    const to = { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(url.port || 80), timeoutMs: connectTimeoutMs }
    const open = () => dial(to)
    const exchange = (wire: Wire, again?: () => Promise<UpstreamResponse>) => {
      const upload = writeRequest(wire, url, request)
      return readResponse(wire, { method: request.method, signal, idle, defer, upload, again })
    }
    const used = idle.take()
    if (!used) return exchange(open())
    // A used wire may close while the next request is on its way. A request without a body changes
    // nothing, so it may be sent again.
    return exchange(used, request.body === undefined ? () => exchange(open()) : undefined)
  }
}
