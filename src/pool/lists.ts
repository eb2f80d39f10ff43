import { ServiceError } from '../errors.ts'
import type { Answer } from '../upstreams/upstream.ts'
import { within } from '../within.ts'
import type { Host } from './host.ts'
import { joinInstalled, joinLoaded } from './union.ts'

/** The lists of several hosts together. */
export interface Lists {
  /** Loads lists that are old, in the background. */
  refresh(): void
  /** Waits until each host has answered or failed once, but only while Sluice starts. */
  untilHeard(): Promise<void>
  /** Call this when a host has answered or failed. */
  onHeard(): void
  /**
   * Asks several hosts for their models, each for `freshListMs` at most. Hosts that are down are
   * asked in the background only, unless all are.
   * @throws ServiceError if no host answers
   */
  ask(about: 'tags' | 'ps', signal: AbortSignal): Promise<Answer>
}

/** How long the first requests wait until all hosts have listed their models, in milliseconds. */
const firstListsMs = 1000
/** How long a list for a reader waits for each host. After that, the list of before is used. */
const freshListMs = 1000

export function createLists({ hosts, now }: { hosts: readonly Host[]; now: () => number }): Lists {
  /** Who waits for the first lists. On workerd, requests share no promise (docs/hazards.md#40). */
  const listeners = new Set<() => void>()
  /** Until when requests wait for the first lists. */
  let listedBy: number | undefined

  function onHeard() {
    if (!hosts.every(({ isHeard }) => isHeard)) return
    for (const listener of listeners) listener()
    listeners.clear()
  }

  function refresh() {
    for (const host of hosts) host.refresh()
  }

  async function untilHeard(): Promise<void> {
    refresh()
    listedBy ??= now() + firstListsMs
    const left = listedBy - now()
    if (left <= 0 || hosts.every(({ isHeard }) => isHeard)) return
    const { promise, resolve } = Promise.withResolvers<void>()
    listeners.add(resolve)
    await within(left, promise, () => {})
    listeners.delete(resolve)
  }

  async function ask(about: 'tags' | 'ps', signal: AbortSignal): Promise<Answer> {
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

  return { refresh, untilHeard, onHeard, ask }
}

function unreachable(): ServiceError {
  return new ServiceError('upstream_unreachable', 'Cannot reach any Ollama of OLLAMA_HOSTS: is one running?')
}
