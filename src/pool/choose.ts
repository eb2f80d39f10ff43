/** What the choice of a host depends on. */
export interface HostNow {
  /** Hosts of the lowest tier come first. */
  readonly tier: number
  /** How many requests the host can run, compared with the other hosts. */
  readonly weight: number
  /** How many requests may run there at once. `Infinity` means no limit. */
  readonly max: number
  /** How many requests should run there at once while it recovers. `Infinity` after that. */
  readonly cap: number
  /** How many requests run there. */
  readonly running: number
  /**
   * How many requests the host has refused as too many, a short time ago. They count as running.
   */
  readonly busy: number
  /** Whether the model is installed there. Undefined if the host has not said. */
  readonly hasModel: boolean | undefined
  /** Whether the model is in memory there, with a context that suffices. */
  readonly isWarm: boolean
  /** How many models are in memory there. One more may take the place of another. */
  readonly residents: number
  /** Whether the breaker keeps requests away. */
  readonly isOpen: boolean
  /** Whether this request has failed there. */
  readonly isTried: boolean
  /** How well the conversation fits the host. 0 if the request is of no conversation. */
  readonly affinity: number
}

/**
 * `wait`: a host can take the request when one of its requests ends. `none`: no host is left for
 * the request.
 */
export type Choice<T> = T | 'wait' | 'none'

/**
 * A load costs as much as this many running requests, and as many again for each model whose place
 * it may take. So a host with the model in memory is left only if it is that much busier than
 * another.
 */
const loadCost = 4

/**
 * Chooses the host of a request: it has the model and a free place, its tier is the lowest, and the
 * model is in memory there, or else as few other models as possible. Then the host of the
 * conversation comes first, if it is at most one request busier than the least busy one. Then the
 * least busy host, or one of them at random.
 */
export function choose<T extends HostNow>(hosts: readonly T[], random: () => number): Choice<T> {
  const left = toHosts(hosts).filter(({ isTried }) => !isTried)
  const closed = left.filter(({ isOpen }) => !isOpen)
  const isFirstTry = !hosts.some(({ isTried }) => isTried)
  // If all breakers are open, one host is tried all the same.
  const usable = closed.length === 0 && isFirstTry ? left : closed
  if (usable.length === 0) return 'none'

  const calm = usable.filter(({ running, busy, max, cap }) => running + busy < Math.min(max, cap))
  if (calm.length === 0 && usable.some(isFull)) return 'wait'
  const free = calm.length > 0 ? calm : usable
  const tier = Math.min(...free.map((host) => host.tier))
  return chooseInTier(
    free.filter((host) => host.tier === tier),
    random,
  )
}

/**
 * Returns the hosts that have the model, or else those that have not said. The lists may be old: if
 * no host has the model, each may be asked, and its answer counts.
 */
function toHosts<T extends HostNow>(hosts: readonly T[]): readonly T[] {
  const having = hosts.filter(({ hasModel }) => hasModel === true)
  if (having.length > 0) return having
  const unknown = hosts.filter(({ hasModel, isOpen, isTried }) => hasModel === undefined && !isOpen && !isTried)
  return unknown.length > 0 ? unknown : hosts
}

/** Whether a request must wait until another one ends there. */
export function isFull({ running, max }: Pick<HostNow, 'running' | 'max'>): boolean {
  return running >= max
}

function chooseInTier<T extends HostNow>(hosts: readonly T[], random: () => number): T {
  const cold = hosts.filter(({ isWarm }) => !isWarm)
  const leastCold = Math.min(...cold.map((host) => toLoad(host) + loadCost * (1 + host.residents)))
  const warm = hosts.filter((host) => host.isWarm && toLoad(host) <= leastCold)
  const candidates = warm.length > 0 ? warm : toRoomy(cold)
  const least = toLeast(candidates)
  const fitting = candidates.reduce((best, host) => (host.affinity > best.affinity ? host : best))
  if (fitting.affinity > 0 && toLoad(fitting) <= least + 1) return fitting
  const idle = candidates.filter((host) => toLoad(host) === least)
  return idle[Math.floor(random() * idle.length)]!
}

/**
 * Returns the hosts with the fewest models in memory, so that a load takes the place of no other.
 */
function toRoomy<T extends HostNow>(hosts: readonly T[]): readonly T[] {
  const fewest = Math.min(...hosts.map(({ residents }) => residents))
  return hosts.filter(({ residents }) => residents === fewest)
}

function toLoad({ running, busy, weight }: HostNow): number {
  return (running + busy) / weight
}

function toLeast(hosts: readonly HostNow[]): number {
  return Math.min(...hosts.map(toLoad))
}
