import { formatNumber, formatSeconds } from '../words/format.ts'
import { Chart, type Bar } from './chart.tsx'
import type { Minute } from './data.ts'
import { words } from './words.ts'

/** Three charts of the last hour, with a bar for each minute. */
export function Hour({ minutes }: { minutes: readonly Minute[] }) {
  const w = words.value
  const number = (value: number) => formatNumber(value, w)
  const seconds = (ms: number) => formatSeconds(ms, w)
  const sumOf = (name: 'requests' | 'failures' | 'tokens') => number(minutes.reduce((sum, minute) => sum + minute[name], 0))
  const mostOf = (name: 'requests' | 'tokens') => number(Math.max(...minutes.map((minute) => minute[name])))
  const last = minutes.findLast(({ ttft_p50_ms: half }) => half !== undefined)
  const toBars = (toBar: (minute: Minute) => Pick<Bar, 'to' | 'dark' | 'text'>): Bar[] =>
    minutes.map((minute) => {
      const { text, ...bar } = toBar(minute)
      const time = new Date(minute.at).toLocaleTimeString(w.tag, { hour: '2-digit', minute: '2-digit' })
      return { ...bar, text: `${time}: ${text}` }
    })
  return (
    <section aria-labelledby="hour">
      <h2 id="hour">{w.hour}</h2>
      <div class="cards">
        <Chart
          title={w.requests}
          said={w.requestsSaid(sumOf('requests'), sumOf('failures'), mostOf('requests'))}
          legend={[w.failed]}
          isBad
          format={number}
          bars={toBars(({ requests, failures }) => ({
            to: requests,
            dark: failures,
            text: `${number(requests)}${failures > 0 ? `, ${w.failed}: ${number(failures)}` : ''}`,
          }))}
        />
        <Chart
          title={w.tokensChart}
          said={w.tokensSaid(sumOf('tokens'), mostOf('tokens'))}
          format={number}
          bars={toBars(({ tokens }) => ({ to: tokens, dark: 0, text: number(tokens) }))}
        />
        <Chart
          title={w.firstToken}
          legend={[w.half, w.most]}
          said={last ? w.firstTokenSaid(seconds(last.ttft_p50_ms!), seconds(last.ttft_p95_ms!)) : w.noFirstToken}
          format={seconds}
          bars={toBars(({ ttft_p50_ms: half = 0, ttft_p95_ms: most = 0 }) => ({
            to: most,
            dark: half,
            text: `${w.half}: ${seconds(half)}, ${w.most}: ${seconds(most)}`,
          }))}
        />
      </div>
    </section>
  )
}
