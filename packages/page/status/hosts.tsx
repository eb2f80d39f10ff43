import { formatNumber } from '../words/format.ts'
import type { Host } from './data.ts'
import { words } from './words.ts'

/** The Ollamas, in the order of the configuration. */
export function Hosts({ hosts }: { hosts: readonly Host[] }) {
  const w = words.value
  const hasTiers = hosts.some(({ tier }) => tier !== hosts[0]!.tier)
  return (
    <section aria-labelledby="hosts">
      <h2 id="hosts">{w.hosts}</h2>
      <ul class="cards">
        {hosts.map((host) => (
          <li key={host.name} class="card">
            <HostCard host={host} hasTiers={hasTiers} />
          </li>
        ))}
      </ul>
    </section>
  )
}

function HostCard({ host, hasTiers }: { host: Host; hasTiers: boolean }) {
  const { name, tier, up: isUp, breaker, in_flight: inFlight, max, loaded } = host
  const w = words.value
  const count = formatNumber(inFlight, w)
  return (
    <>
      <h3>
        <span class={isUp ? 'dot' : 'dot is-bad'} />
        {name}
        <span class="said">{isUp ? w.up : w.down}</span>
      </h3>
      <p class="badges">
        {breaker !== 'closed' && <span class="badge">{w.breakers[breaker]}</span>}
        {hasTiers && <span class="label">{w.tier(formatNumber(tier, w))}</span>}
        <span class="label">{max > 0 ? w.inFlightOf(count, formatNumber(max, w)) : w.inFlight(count)}</span>
      </p>
      {loaded.length === 0 ? (
        <p>{w.cold}</p>
      ) : (
        <p>
          {w.warm} <span class="names">{loaded.join(', ')}</span>
        </p>
      )}
    </>
  )
}
