/** What Sluice knows of its Ollamas now. To read it asks no host. */
export interface PoolView {
  /** One entry for each host, in the order of the configuration. */
  readonly hosts: readonly HostView[]
  /** How many requests wait for a free place. */
  readonly waiting: number
}

/** What Sluice knows of one Ollama. */
export interface HostView {
  /** The name of the host in the configuration. `ollama` if there is only one. */
  readonly name: string
  readonly tier: number
  /** False if the last thing that was heard of the host is a failure. */
  readonly isUp: boolean
  /** `open`: the host gets no requests. `half_open`: one request tries it. */
  readonly breaker: 'closed' | 'open' | 'half_open'
  /** How many requests of this process run there. */
  readonly inFlight: number
  /** How many requests may run there at once. 0 means no limit. */
  readonly max: number
  /** The models that were in memory when the host was asked last, 100 at most. */
  readonly loaded: readonly string[]
  /** The models that were installed when the host was asked last. */
  readonly installed: readonly string[]
}
