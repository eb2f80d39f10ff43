import { toFullName } from '#ollama-grammar/model-name.ts'
import { ServiceError } from '../errors.ts'
import { isObject, toNumber } from '../exact-json.ts'
import { isProgress, type Ended, type GenerationCall } from '../generation.ts'
import { withinLimit } from '../upstreams/time-limit.ts'
import {
  isInference,
  type Answer,
  type CallContext,
  type Generation,
  type Question,
  type Upstream,
} from '../upstreams/upstream.ts'
import { within } from '../within.ts'
import { toConversation } from './affinity.ts'
import { choose, type Choice } from './choose.ts'
import { createFairLines } from './fair-lines.ts'
import { toFault } from './faults.ts'
import { createHost, type Host, type HostOptions, type Place, type PoolHost, type Wants } from './host.ts'
import type { PoolView } from './pool-view.ts'
import { createRetryBudget } from './retry-budget.ts'
import { joinInstalled, joinLoaded } from './union.ts'

export interface PoolOptions {
  /** One or more hosts. */
  hosts: readonly PoolHost[]
  /** How many requests may wait for a place. */
  waiting: number
  /**
   * How long an embedding may take, including its wait for a place, in milliseconds. 0 means no
   * limit. Generations have no limit here, because the relay limits the time to the first token.
   */
  embedTimeoutMs: number
  now: () => number
  random?: () => number
  /**
   * Keeps work in the background running after its request. Runtimes other than workerd need
   * nothing.
   */
  waitUntil?: HostOptions['waitUntil']
}

/** Several Ollamas that answer as one, or only one of them. */
export interface Pool extends Upstream {
  /** What the pool knows now. It also loads lists that are old, in the background. */
  view(): PoolView
  /** Says the same, and asks no host for a list. */
  peek(): PoolView
}

/** How long the first requests wait until all hosts have listed their models, in milliseconds. */
const firstListsMs = 1000
/** How long a list for a reader waits for each host. After that, the list of before is used. */
const freshListMs = 1000

interface Waiter {
  readonly request: PoolRequest
  readonly go: (place: Place | 'none') => void
}

/** A request on its way through the pool. */
interface PoolRequest extends Wants {
  /** The hosts that may get it. */
  readonly hosts: readonly Host[]
  /** The hosts that have failed with it. */
  readonly tried: Set<Host>
  /** How long it has waited for a place, in milliseconds. */
  queuedMs: number
}

/**
 * Chooses a host for each request, and sends the request to another host if one fails before the
 * first event. A request for which no host has a place waits here, and not at Ollama. So a reader
 * that disconnects while it waits costs Ollama nothing. Sluice knows only the requests of this
 * process.
 */
export function createPool({
  hosts: configured,
  waiting,
  embedTimeoutMs,
  now,
  random = Math.random,
  waitUntil,
}: PoolOptions): Pool {
  const lines = createFairLines<Waiter>()
  const budget = createRetryBudget()
  /** Who waits for the first lists. On workerd, requests share no promise (docs/hazards.md#40). */
  const listeners = new Set<() => void>()
  /** Until when requests wait for the first lists. */
  let listedBy: number | undefined

  function onHeard() {
    if (!hosts.every(({ isHeard }) => isHeard)) return
    for (const listener of listeners) listener()
    listeners.clear()
  }
  const hosts = configured.map((host) => createHost(host, { onRoom: serve, onHeard, waitUntil, now, random }))
  const isSeveral = hosts.length > 1

  function refresh() {
    for (const host of hosts) host.refresh()
  }

  function toView(): PoolView {
    return { hosts: hosts.map((host) => host.toView()), waiting: lines.size }
  }

  /** With one host there is no choice, so nobody needs its lists. */
  async function untilListed(): Promise<void> {
    refresh()
    listedBy ??= now() + firstListsMs
    const left = listedBy - now()
    if (left <= 0 || hosts.every(({ isHeard }) => isHeard)) return
    const { promise, resolve } = Promise.withResolvers<void>()
    listeners.add(resolve)
    await within(left, promise, () => {})
    listeners.delete(resolve)
  }

  /** @throws ServiceError `invalid_request` if there is no host of this name */
  function toNamed(name: string): Host {
    const named = hosts.find((host) => host.name === name)
    if (named) return named
    throw new ServiceError('invalid_request', `There is no host of this name; the hosts are ${toNames(hosts)}`)
  }

  /**
   * The host that a request about the models of one machine means.
   * @throws ServiceError `invalid_request`
   */
  function toManaged({ host, note }: CallContext): Host {
    if (host === undefined && isSeveral)
      throw new ServiceError(
        'invalid_request',
        `Name the host in the header x-sluice-host, or as ?host=NAME; the hosts are ${toNames(hosts)}`,
      )
    const managed = host === undefined ? hosts[0]! : toNamed(host)
    if (isSeveral) note?.({ host: managed.name })
    return managed
  }

  function toRequest(named: unknown, body: Fields, takesPlace: boolean, context: CallContext): PoolRequest {
    const model = typeof named === 'string' ? toFullName(named) : ''
    const { principal, session, host } = context
    return {
      hosts: host === undefined ? hosts : [toNamed(host)],
      tried: new Set(),
      queuedMs: 0,
      model,
      context: isObject(body.options) ? toNumber(body.options.num_ctx) || 0 : 0,
      conversation: isSeveral ? toConversation(body, { principal, model, session }) : undefined,
      takesPlace,
    }
  }

  function tryToEnter(request: PoolRequest): Choice<Place> {
    const choice = choose(
      request.hosts.map((host) => host.toNow(request, request.tried.has(host))),
      random,
    )
    return typeof choice === 'string' ? choice : choice.host.enter(request)
  }

  /** Lets those go for whom there is a place. It only resolves promises (docs/hazards.md#74). */
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

  /**
   * Resolves with a place, or with `none` if no host is left. Waits for a free place if need be.
   */
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

  /**
   * Sends a request to a host, and to another one if that fails. `work` sends it. The place is
   * still taken when this resolves.
   * @throws what `work` throws for the last host
   */
  async function send<T>(request: PoolRequest, context: CallContext, work: (host: Host) => Promise<T>) {
    if (isSeveral) await untilListed()
    context.signal.throwIfAborted()
    budget.add(now())
    let reported = 0
    let failed: { readonly host: Host; readonly error: unknown } | undefined
    for (;;) {
      const place = await enter(request, context)
      if (place === 'none') break
      const { host } = place
      // `serve` does not call this, because it may run in another request (docs/hazards.md#74).
      context.onWaiting?.(undefined)
      try {
        const result = await work(host)
        place.began()
        if (isSeveral) host.loaded.refresh()
        noteHost(host, request, context)
        return { result, place }
      } catch (error) {
        failed = { host, error }
        place.leave('left', error)
        if (isSeveral) host.refresh()
        // A request may break each host that it comes to. So an error that a host itself has
        // reported is tried once more only.
        if (isReported(error)) reported++
        if (context.signal.aborted || toFault(error) === undefined || reported > 1 || !canRetry(request)) break
        request.tried.add(host)
      }
    }
    noteHost(failed!.host, request, context)
    throw failed!.error
  }

  function canRetry({ hosts, tried }: PoolRequest): boolean {
    return hosts.length > tried.size + 1 && budget.take(now())
  }

  function noteHost({ name }: Host, { tried }: PoolRequest, { note }: CallContext) {
    if (isSeveral) note?.({ host: name, ...(tried.size > 0 && { failovers: tried.size }) })
  }

  /**
   * Asks several hosts for their models, each for `freshListMs` at most. Hosts that are down are
   * asked in the background only, unless all are.
   * @throws ServiceError if no host answers
   */
  async function askForModels(about: 'tags' | 'ps', signal: AbortSignal): Promise<Answer> {
    const up = hosts.filter(({ installed }) => !installed.isHeard || installed.answer)
    let error: unknown
    const asked = (up.length > 0 ? up : hosts).map(async ({ name, tier, installed, loaded }) => {
      const list = about === 'tags' ? installed : loaded
      const fresh = list.load(signal).catch((thrown: unknown) => void (error = thrown))
      const answer = await within(freshListMs, fresh, () => list.answer)
      return answer && { name, tier, answer }
    })
    refresh()
    const answers = (await Promise.all(asked)).filter((answer) => answer !== undefined)
    signal.throwIfAborted()
    const [first, ...others] = answers
    if (!first) throw error ?? unreachable()
    if (about === 'ps') return joinLoaded(answers)
    // The answer of one host keeps its own text.
    return others.length > 0 ? joinInstalled(answers) : first.answer
  }

  async function askForVersion(question: Question, context: CallContext): Promise<Answer> {
    const asked = hosts.map((host) => host.upstream.ask(question, context))
    return Promise.any(asked).catch(({ errors: [error] }: AggregateError) => Promise.reject(error as Error))
  }

  return {
    async generate(call, context) {
      if (isProgress(call)) {
        const { upstream, installed } = toManaged(context)
        return toManaging(await upstream.generate(call, context), installed.expire)
      }
      const request = toRequest(call.model, call.body, true, context)
      const { result, place } = await send(request, context, ({ upstream }) => upstream.generate(call, context))
      return toPlaced(result, place)
    },

    async ask(question, context) {
      if (isInference(question)) {
        return withinLimit(embedTimeoutMs, context.signal, async (signal) => {
          const { body } = question as Extract<Question, { body: unknown }>
          const own = { ...context, signal }
          const { result, place } = await send(toRequest(body.model, body, true, own), own, ({ upstream }) =>
            upstream.ask(question, own),
          )
          place.leave('done')
          return result
        })
      }
      switch (question.about) {
        case 'tags':
        case 'ps':
          if (isSeveral && context.host === undefined) return askForModels(question.about, context.signal)
          return toManaged(context).upstream.ask(question, context)
        case 'version':
          if (isSeveral && context.host === undefined) return askForVersion(question, context)
          return toManaged(context).upstream.ask(question, context)
        case 'show': {
          const { body } = question
          const request = toRequest(body.model || body.name, body, false, context)
          return (await send(request, context, ({ upstream }) => upstream.ask(question, context))).result
        }
        default: {
          const { upstream, installed } = toManaged(context)
          const answer = await upstream.ask(question, context)
          installed.expire()
          return answer
        }
      }
    },

    async blob(blob, context) {
      return toManaged(context).upstream.blob(blob, context)
    },

    view() {
      refresh()
      return toView()
    },
    peek: toView,
  }
}

type Fields = GenerationCall['body']

/**
 * These are separate functions, so that the stream does not keep the request in memory
 * (docs/hazards.md#81).
 */
function toPlaced({ flow, close }: Generation, place: Place): Generation {
  return {
    flow,
    close(ended) {
      close(ended)
      place.leave(ended.how === 'done' ? 'done' : 'left', toError(ended))
    },
  }
}

function toManaging({ flow, close }: Generation, onDone: () => void): Generation {
  return {
    flow,
    close(ended) {
      close(ended)
      onDone()
    },
  }
}

function toError(ended: Ended): unknown {
  return ended.how === 'failed' ? ended.error : undefined
}

/** Whether an error is the answer of a host, and no broken connection. */
function isReported(error: unknown): boolean {
  return error instanceof ServiceError && error.code === 'upstream_failed' && error.upstreamStatus !== undefined
}

function toNames(hosts: readonly Host[]): string {
  return hosts.map(({ name }) => name).join(', ')
}

function allInUse(waiting: number): ServiceError {
  return new ServiceError(
    'too_many_streams',
    `All places at Ollama are in use, and ${waiting} wait already; try again in 5 s`,
    { retryAfterSeconds: 5 },
  )
}

function unreachable(): ServiceError {
  return new ServiceError('upstream_unreachable', 'Cannot reach any Ollama of OLLAMA_HOSTS: is one running?')
}
