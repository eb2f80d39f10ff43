import { ServiceError } from '../errors.ts'
import type { CallContext } from '../upstreams/upstream.ts'
import { choose, type Choice } from './choose.ts'
import { createFairLines } from './fair-lines.ts'
import type { Host, Place, Wants } from './host.ts'

/** A request on its way through the pool. */
export interface PoolRequest extends Wants {
  /** The hosts that may get it. */
  readonly hosts: readonly Host[]
  /** The hosts that have failed with it. */
  readonly tried: Set<Host>
  /** How long it has waited for a place, in milliseconds. */
  queuedMs: number
}

export interface AdmissionOptions {
  hosts: readonly Host[]
  /** How many requests may wait for a place. */
  waiting: number
  now: () => number
  random: () => number
}

export interface Admission {
  /** How many requests wait for a place. */
  readonly size: number
  /**
   * Resolves with a place, or with `none` if no host is left. Waits for a free place if need be.
   * @throws ServiceError `too_many_streams` if too many wait already
   */
  enter(request: PoolRequest, context: CallContext): Promise<Place | 'none'>
  /** Lets those go for whom there is a place. It only resolves promises (docs/hazards.md#74). */
  serve(): void
}

interface Waiter {
  readonly request: PoolRequest
  readonly go: (place: Place | 'none') => void
}

/**
 * Gives each request a place at a host. If no host has one, the request waits here, and not at
 * Ollama. So a reader that disconnects while it waits costs Ollama nothing.
 */
export function createAdmission({ hosts, waiting, now, random }: AdmissionOptions): Admission {
  const lines = createFairLines<Waiter>()

  function tryToEnter(request: PoolRequest): Choice<Place> {
    const choice = choose(
      request.hosts.map((host) => host.toNow(request, request.tried.has(host))),
      random,
    )
    return typeof choice === 'string' ? choice : choice.host.enter(request)
  }

  function serve() {
    if (lines.size === 0) return
    /** The models that have no free place. */
    const full = new Set<string>()
    const canGo = ({ request, go }: Waiter) => {
      const isPlain = request.tried.size === 0 && request.hosts === hosts
      if (isPlain && full.has(request.model)) return false
      const choice = tryToEnter(request)
      if (choice !== 'wait') go(choice)
      else if (isPlain) full.add(request.model)
      return choice !== 'wait'
    }
    while (lines.size > 0 && hosts.some(({ isFull }) => !isFull) && lines.serve(canGo));
  }

  async function enter(
    request: PoolRequest,
    { principal = '', signal, onWaiting, note }: CallContext,
  ): Promise<Place | 'none'> {
    serve()
    const choice = tryToEnter(request)
    if (choice !== 'wait') return choice
    if (lines.size >= waiting) throw allInUse(waiting)
    onWaiting?.('queued')
    const startedAt = now()
    const { promise, resolve, reject } = Promise.withResolvers<Place | 'none'>()
    const waiter: Waiter = { request, go: resolve }
    const onAbort = () => {
      lines.drop(principal, waiter)
      reject(signal.reason as Error)
    }
    lines.add(principal, waiter)
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
    try {
      return await promise
    } finally {
      // Not in `go`, because another request may call that (docs/hazards.md#74).
      signal.removeEventListener('abort', onAbort)
      request.queuedMs += now() - startedAt
      note?.({ queue_ms: Math.round(request.queuedMs) })
    }
  }

  return {
    get size() {
      return lines.size
    },
    enter,
    serve,
  }
}

function allInUse(waiting: number): ServiceError {
  return new ServiceError(
    'too_many_streams',
    `All places at Ollama are in use, and ${waiting} wait already; try again in 5 s`,
    { retryAfterSeconds: 5 },
  )
}
