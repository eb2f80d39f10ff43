import { formatNumber } from '../words/format.ts'
import type { Failure } from './data.ts'
import { words } from './words.ts'

/** The last failures, the newest first. Equal ones are one entry. */
export function Failures({ failures }: { failures: readonly Failure[] }) {
  const w = words.value
  return (
    <section aria-labelledby="failures">
      <h2 id="failures">{w.failures}</h2>
      {failures.length === 0 && <p class="lead">{w.none}</p>}
      <ul class="rows">
        {failures.map((failure) => {
          const { time, count, code, cause, route, surface, key, model, host } = failure
          return (
            <li key={JSON.stringify({ ...failure, time: '', count: 0 })} class="row">
              <div class="what">
                <h3>
                  <code>{code}</code>
                  {count > 1 && <span class="badge">{w.times(formatNumber(count, w))}</span>}
                </h3>
                <p class="said">{[cause, model, key, surface ?? route, host].filter(Boolean).join(' · ')}</p>
              </div>
              <p class="numbers">
                <time dateTime={time}>{new Date(time).toLocaleTimeString(w.tag)}</time>
              </p>
            </li>
          )
        })}
      </ul>
    </section>
  )
}
