import { toFullName } from '#ollama-grammar/model-name.ts'
import type { PoolView } from '../pool/pool-view.ts'
import { toLabels, type Family, type Sample } from './exposition.ts'

/** What is so at the moment of a scrape. */
export interface Now {
  readonly pool: PoolView
  /** The generations that run. */
  readonly streams: readonly { readonly state: string }[]
}

/** Every state of a stream has a series, also if no stream is in it. */
const states = ['queued', 'loading', 'evaluating', 'waiting', 'streaming', 'detached']

/** The most models of one host, whatever it says. */
const maxLoaded = 100

/** Makes the metrics that are read at a scrape. */
export function toGauges({ pool, streams }: Now): Family[] {
  const { hosts, waiting } = pool
  const counts = new Map(states.map((state) => [state, 0]))
  for (const { state } of streams) counts.set(state, (counts.get(state) ?? 0) + 1)
  const ofHost = (toValue: (host: PoolView['hosts'][number]) => number) =>
    hosts.map((host): Sample => ({ labels: toLabels(['host'], [host.name]), value: toValue(host) }))
  const loaded = hosts.flatMap(({ name, loaded }) =>
    [...new Set(loaded.slice(0, maxLoaded).map(toFullName))].map((model): Sample => ({
      labels: toLabels(['host', 'model'], [name, model]),
      value: 1,
    })),
  )
  return [
    toGauge('sluice_streams', 'Open generations by state.', toSamples('state', counts)),
    toGauge('sluice_queue_waiting', 'Requests in the queue of Sluice.', [{ labels: '', value: waiting }]),
    toGauge(
      'sluice_upstream_in_flight',
      'Requests that run at an Ollama.',
      ofHost(({ inFlight }) => inFlight),
    ),
    toGauge(
      'sluice_upstream_up',
      'Whether the last thing that was heard of an Ollama is no failure.',
      ofHost(({ isUp }) => Number(isUp)),
    ),
    toGauge('sluice_model_loaded', 'The models in the memory of an Ollama.', loaded),
  ]
}

export function toGauge(name: string, help: string, samples: readonly Sample[]): Family {
  return { name, type: 'gauge', help, samples }
}

function toSamples(label: string, values: Iterable<readonly [string, number]>): Sample[] {
  return Array.from(values, ([key, value]) => ({ labels: toLabels([label], [key]), value }))
}
