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
import { createAdmission, type PoolRequest } from './admission.ts'
import { toConversation } from './affinity.ts'
import { toFault } from './faults.ts'
import { createHost, type Host, type HostOptions, type Place, type PoolHost } from './host.ts'
import { createLists } from './lists.ts'
import type { PoolView } from './pool-view.ts'
import { createRetryBudget } from './retry-budget.ts'

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

/**
 * Sends each request to a host that suits it, and to another host if one fails before the first
 * event. Sluice knows only the requests of this process.
 */
export function createPool({
  hosts: configured,
  waiting,
  embedTimeoutMs,
  now,
  random = Math.random,
  waitUntil,
}: PoolOptions): Pool {
  const budget = createRetryBudget()
  const hosts: readonly Host[] = configured.map((host) =>
    createHost(host, { onRoom: () => admission.serve(), onHeard: () => lists.onHeard(), waitUntil, now, random }),
  )
  const admission = createAdmission({ hosts, waiting, now, random })
  const lists = createLists({ hosts, now })
  const isSeveral = hosts.length > 1

  function toView(): PoolView {
    return { hosts: hosts.map((host) => host.toView()), waiting: admission.size }
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

  /**
   * Sends a request to a host, and to another one if that fails. `work` sends it. The place is
   * still taken when this resolves.
   * @throws what `work` throws for the last host
   */
  async function send<T>(request: PoolRequest, context: CallContext, work: (host: Host) => Promise<T>) {
    // With one host there is no choice, so nobody needs its lists.
    if (isSeveral) await lists.untilHeard()
    context.signal.throwIfAborted()
    budget.add(now())
    let reported = 0
    let failed: { readonly host: Host; readonly error: unknown } | undefined
    for (;;) {
      const place = await admission.enter(request, context)
      if (place === 'none') break
      const { host } = place
      // `serve` does not call these, because it may run in another request (docs/hazards.md#74).
      context.onWaiting?.(undefined)
      if (request.tried.size > 0) context.note?.({ failovers: request.tried.size })
      try {
        const result = await work(host)
        place.began()
        if (isSeveral) host.loaded.refresh()
        noteHost(host, context)
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
    noteHost(failed!.host, context)
    throw failed!.error
  }

  function canRetry({ hosts, tried }: PoolRequest): boolean {
    return hosts.length > tried.size + 1 && budget.take(now())
  }

  function noteHost({ name }: Host, { note }: CallContext) {
    if (isSeveral) note?.({ host: name })
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
          if (isSeveral && context.host === undefined) return lists.ask(question.about, context.signal)
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
      lists.refresh()
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
