import { formatNumber } from '../words/format.ts'
import { toSpeed, type Data } from './data.ts'
import { words } from './words.ts'

/** The most important figures in one line. */
export function Figures({ data: { open, waiting, streams, minutes } }: { data: Data }) {
  const w = words.value
  const speed = streams.reduce((sum, stream) => sum + (toSpeed(stream) ?? 0), 0)
  const requests = minutes.reduce((sum, minute) => sum + minute.requests, 0)
  const failures = minutes.reduce((sum, minute) => sum + minute.failures, 0)
  const figures = [
    [w.answering, open - waiting],
    [w.queue, waiting],
    [w.speed, speed],
    [w.hourRequests, requests],
    [w.hourFailures, failures, failures > 0],
  ] as const
  return (
    <dl class="figures">
      {figures.map(([name, value, isBad]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd class={isBad ? 'danger' : undefined}>{formatNumber(value, w)}</dd>
        </div>
      ))}
    </dl>
  )
}
