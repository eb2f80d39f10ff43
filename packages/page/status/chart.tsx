import { words } from './words.ts'

export interface Bar {
  readonly to: number
  /** How much of the bar, from its foot, is in the second colour. */
  readonly dark: number
  /** What the pointer shows. */
  readonly text: string
}

interface ChartProps {
  readonly title: string
  /** The chart in a sentence. */
  readonly said: string
  readonly bars: readonly Bar[]
  /** What the second colour means, and then the first. */
  readonly legend?: readonly string[]
  /** Whether the second colour is that of failures. */
  readonly isBad?: boolean
  readonly format: (value: number) => string
}

const height = 40

/** A chart of bars. Its scale begins at 0 and ends at the longest bar. */
export function Chart({ title, said, bars, legend = [], isBad = false, format }: ChartProps) {
  const w = words.value
  const most = Math.max(...bars.map(({ to }) => to))
  const scale = (value: number) => (most === 0 ? 0 : (value / most) * height)
  return (
    <figure class={isBad ? 'card chart is-bad' : 'card chart'}>
      <figcaption>
        <h3>{title}</h3>
        <p class="said">{said}</p>
      </figcaption>
      <div class="plot" aria-hidden="true">
        <p class="axis">
          <span>{most > 0 && format(most)}</span>
          <span>
            {legend.map((text, i) => (
              <span key={text} class={i === 0 ? 'legend is-part' : 'legend'}>
                {text}
              </span>
            ))}
          </span>
        </p>
        <svg viewBox={`0 0 ${bars.length} ${height}`} preserveAspectRatio="none">
          {bars.map(({ to, dark, text }, x) => (
            <g key={x}>
              <title>{text}</title>
              <rect class="hit" x={x} y={0} width={1} height={height} />
              <rect class="bar" x={x + 0.12} y={height - scale(to)} width={0.76} height={scale(to)} />
              <rect class="part" x={x + 0.12} y={height - scale(dark)} width={0.76} height={scale(dark)} />
            </g>
          ))}
        </svg>
        <p class="axis">
          <span>{w.hourAgo}</span>
          <span>{w.now}</span>
        </p>
      </div>
    </figure>
  )
}
