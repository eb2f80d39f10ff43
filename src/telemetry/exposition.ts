/** Prometheus 0.0.4, which every scraper reads, or OpenMetrics 1.0. */
export type Format = 'prometheus' | 'openmetrics'

/** A metric with all its series. */
export interface Family {
  /** A counter has its name without `_total`. */
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** One sentence without line breaks. */
  readonly help: string
  readonly samples: Iterable<Sample>
}

export interface Sample {
  /** `_bucket`, `_sum` or `_count` of a histogram. */
  readonly suffix?: string
  /** As `toLabels` returns them. */
  readonly labels: string
  readonly value: number
}

const contentTypes: Readonly<Record<Format, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
}

export function toContentType(format: Format): string {
  return contentTypes[format]
}

/**
 * Writes labels, such as `model="a",type="in"`. The formats escape the same three characters
 * (OpenMetrics 1.0 §ABNF, `escaped-char`).
 */
export function toLabels(names: readonly string[], values: readonly string[]): string {
  return names.map((name, i) => `${name}="${escape(values[i]!)}"`).join(',')
}

function escape(value: string): string {
  return value.replaceAll(/[\\"\n]/g, (character) => (character === '\n' ? String.raw`\n` : `\\${character}`))
}

/**
 * Writes a number as OpenMetrics wants the bounds of buckets: with a point. Prometheus 2 takes `1`
 * and `1.0` for different bounds, so both formats have this one.
 */
export function toBound(bound: number): string {
  return Number.isInteger(bound) ? `${bound}.0` : `${bound}`
}

/** Writes the answer to a scrape. */
export function toExposition(families: Iterable<Family>, format: Format): string {
  let text = ''
  for (const { name, type, help, samples } of families) {
    const total = type === 'counter' ? '_total' : ''
    const family = format === 'prometheus' ? name + total : name
    text += `# HELP ${family} ${help}\n# TYPE ${family} ${type}\n`
    for (const { suffix = total, labels, value } of samples)
      text += labels === '' ? `${name}${suffix} ${value}\n` : `${name}${suffix}{${labels}} ${value}\n`
  }
  return format === 'openmetrics' ? `${text}# EOF\n` : text
}
