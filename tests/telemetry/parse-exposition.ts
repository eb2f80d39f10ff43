/** One line of a scrape. */
export interface ScrapedSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** What a scraper reads. */
export interface Scraped {
  /** The type of each metric, by the name in its `# TYPE` line. */
  readonly types: Readonly<Record<string, string>>
  readonly samples: readonly ScrapedSample[]
}

/**
 * Reads the text formats of Prometheus and OpenMetrics as their grammars say, and refuses everything
 * else: names, types before samples, label escapes, numbers, one line for each series.
 */
export function parseExposition(text: string): Scraped {
  const types: Record<string, string> = {}
  const samples: ScrapedSample[] = []
  const seen = new Set<string>()
  if (!text.endsWith('\n')) throw new Error('The last line has no end')
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '# EOF') continue
    const [, typed, type] = /^# TYPE ([a-z_]+) (counter|gauge|histogram)$/.exec(line) ?? []
    if (typed && type) {
      if (typed in types) throw new Error(`Twice: ${line}`)
      types[typed] = type
      continue
    }
    if (/^# HELP [a-z_]+ [^\\]+$/.test(line)) continue
    const [, name, labels = '', value] = /^([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\]|\\["\\n])*",?)+)\})? (\S+)$/.exec(line) ?? []
    if (!name || !value || !/^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/.test(value)) throw new Error(`No sample: ${line}`)
    const family = name.replace(/_(?:bucket|sum|count)$/, '')
    if (![name, family, name.replace(/_total$/, '')].some((known) => known in types)) throw new Error(`No type: ${line}`)
    const id = `${name}{${labels}}`
    if (seen.has(id)) throw new Error(`Twice: ${line}`)
    seen.add(id)
    samples.push({ name, labels: toRecord(labels), value: Number(value) })
  }
  return { types, samples }
}

function toRecord(labels: string): Record<string, string> {
  const pairs = labels.matchAll(/([a-z_]+)="((?:[^"\\]|\\["\\n])*)",?/g)
  return Object.fromEntries(Array.from(pairs, ([, name, value]) => [name!, unescape(value!)]))
}

function unescape(value: string): string {
  return value.replaceAll(/\\(["\\n])/g, (_, character: string) => (character === 'n' ? '\n' : character))
}

/** Adds up the samples of a metric that have these labels. */
export function sumOf({ samples }: Scraped, name: string, labels: Readonly<Record<string, string>> = {}): number {
  return samples
    .filter(
      (sample) => sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
    )
    .reduce((sum, { value }) => sum + value, 0)
}
