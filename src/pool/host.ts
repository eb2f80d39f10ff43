import { toFullName } from '#ollama-grammar/model-name.ts'
import type { ServiceError } from '../errors.ts'
import { toModels } from '../upstreams/models.ts'
import type { Upstream } from '../upstreams/upstream.ts'
import { hash, toScore } from './affinity.ts'
import { isFull, type HostNow } from './choose.ts'
import { toFault } from './faults.ts'
import { createHealth } from './health.ts'
import { createKeptList, type KeptList, type KeptListOptions } from './kept-list.ts'
import type { HostView } from './pool-view.ts'
import { createResidency } from './residency.ts'

/** One Ollama of a pool. */
export interface PoolHost {
  readonly name: string
  /** Hosts of a higher tier get requests only if no host of a lower one can take them. */
  readonly tier: number
  /** How many requests may run there at once. 0 means no limit. */
  readonly max: number
  /** How many requests the host can run, compared with the other hosts. */
  readonly weight: number
  readonly upstream: Upstream
}

/** What a request wants of a host. */
export interface Wants {
  /** The full name of the model. */
  readonly model: string
  /** How many tokens of context are asked for, or 0. */
  readonly context: number
  readonly conversation: number | undefined
  /** Whether the request needs a place. A question about a model needs none. */
  readonly takesPlace: boolean
}

/** A request at a host. */
export interface Place {
  readonly host: Host
  /** The first event or the answer has come. */
  began(): void
  /** The request is over: it has a whole answer, or an error, or its reader has left. */
  leave(how: 'done' | 'left', error?: unknown): void
}

export interface Host {
  readonly name: string
  readonly tier: number
  readonly upstream: Upstream
  readonly installed: KeptList
  readonly loaded: KeptList
  readonly isFull: boolean
  /** Whether the host has answered or failed at least once. */
  readonly isHeard: boolean
  toNow(wants: Wants, isTried: boolean): HostNow & { readonly host: Host }
  enter(wants: Wants): Place
  /** Loads the lists in the background, if they are old. */
  refresh(): void
  toView(): HostView
}

export interface HostOptions extends Pick<KeptListOptions, 'waitUntil' | 'now' | 'random'> {
  /** Called when a request that waits may have a place now. */
  onRoom(): void
  /** Called when the host has answered or failed. */
  onHeard(): void
}

/** How long a host that is too busy counts as busy, if it does not say, in milliseconds. */
const busyMs = 5000
/**
 * So many refusals count at most. A host may refuse quickly and say that it is busy for an hour, and
 * each choice of a host looks at all of them.
 */
const maxBusy = 256
/** What is shown of the models in memory, whatever the host says. No longer name can be asked for. */
const [maxShown, maxNameLength] = [100, 256]

/** Creates what the pool knows of one host. */
export function createHost(
  { name, tier, max, weight, upstream }: PoolHost,
  { onRoom, onHeard, waitUntil, now, random }: HostOptions,
): Host {
  const ownHash = hash(name, 0)
  const most = max === 0 ? Infinity : max
  const health = createHealth()
  const residency = createResidency()
  /** The full names of the installed models. Undefined if the host has not listed them. */
  let models: Set<string> | undefined
  let names: readonly string[] = []
  let running = 0
  /** Until when each refusal of a busy host counts as a running request. */
  let busyUntil: number[] = []

  const kept = { waitUntil, now, random }
  const installed = createKeptList({
    load: (signal) => upstream.ask({ about: 'tags' }, { signal }),
    onAnswer(answer) {
      names = toModels(answer).map((model) => model.name)
      models = new Set(names.map(toFullName))
      health.heard()
      onHeard()
      onRoom()
    },
    onFailure() {
      health.lost()
      onHeard()
    },
    ...kept,
  })
  const loaded = createKeptList({
    load: (signal) => upstream.ask({ about: 'ps' }, { signal }),
    onAnswer(answer, askedAt) {
      residency.list(answer, askedAt)
      onHeard()
    },
    // A machine that unloads a model may be silent for seconds, and is well.
    onFailure: onHeard,
    ...kept,
  })

  function onFault(error: unknown, model: string) {
    switch (toFault(error)) {
      case 'lost':
        // A host that has only dropped a connection says so soon.
        if (health.toBreaker(now()) !== 'open') installed.expire()
        return health.lost()
      case 'failed':
        return health.failed(now())
      case 'lacking':
        if (models?.delete(model)) installed.expire()
        return
      case 'busy': {
        const { upstreamRetryAfterSeconds: seconds } = error as ServiceError
        busyUntil = [...busyUntil.slice(1 - maxBusy), now() + (seconds === undefined ? busyMs : seconds * 1000)]
        return
      }
      default:
    }
  }

  function toBusy(): number {
    if (busyUntil.length === 0) return 0
    const time = now()
    busyUntil = busyUntil.filter((until) => until > time)
    return busyUntil.length
  }

  const host: Host = {
    name,
    tier,
    upstream,
    installed,
    loaded,
    get isFull() {
      return isFull({ running, max: most })
    },
    get isHeard() {
      return installed.isHeard && loaded.isHeard
    },
    toNow: ({ model, context, conversation, takesPlace }, isTried) => ({
      host,
      tier,
      weight,
      max: takesPlace ? most : Infinity,
      cap: health.cap,
      running,
      busy: toBusy(),
      hasModel: models?.has(model),
      isWarm: residency.isWarm(model, context),
      residents: residency.count(),
      isOpen: health.toBreaker(now()) === 'open',
      isTried,
      affinity: conversation === undefined ? 0 : toScore(conversation, ownHash, weight),
    }),
    enter({ model, context, takesPlace }) {
      if (!takesPlace) return { host, began() {}, leave: (_how, error) => onFault(error, model) }
      const wasWarm = residency.isWarm(model, context)
      let hasBegun = false
      let isOver = false
      running++
      residency.enter(model, context)
      return {
        host,
        began() {
          hasBegun = true
          health.began()
          models?.add(model)
          // Whatever was in memory before may have made room.
          if (!wasWarm) loaded.expire()
          onRoom()
        },
        leave(how, error) {
          if (isOver) return
          isOver = true
          running--
          residency.leave(model, context, hasBegun && toFault(error) === undefined, now())
          if (how === 'done') health.finished()
          onFault(error, model)
          onRoom()
        },
      }
    },
    refresh() {
      installed.refresh()
      loaded.refresh()
    },
    toView: () => ({
      name,
      tier,
      isUp: health.isUp,
      breaker: health.toBreaker(now()),
      inFlight: running,
      max,
      loaded: residency
        .toNames()
        .filter((name) => name.length <= maxNameLength)
        .slice(0, maxShown),
      installed: names,
    }),
  }
  return host
}
