import { toBound, toLabels, type Family, type Sample } from './exposition.ts'

/** The names of labels. The values come in the same order. */
type Labels = readonly string[]

export interface Counter {
  add(values: Labels, by?: number): void
  readonly family: Family
}

export interface Histogram {
  observe(values: Labels, value: number): void
  readonly family: Family
}

interface Description {
  readonly name: string
  readonly help: string
  readonly labels?: Labels
}

/**
 * The most series of one metric. Every label has few values, so this is the last guard alone. What
 * comes beyond it counts as the series `other`, so that the sums stay true.
 */
const maxSeries = 2000

/** A metric that only grows. */
export function createCounter({ name, help, labels = [] }: Description): Counter {
  const series = createSeries(labels, () => ({ value: 0 }))
  return {
    add(values, by = 1) {
      series.of(values).value += by
    },
    family: {
      name,
      help,
      type: 'counter',
      samples: samplesOf(series, (labels, { value }) => [{ labels, value }]),
    },
  }
}

/** A metric that counts values in buckets. `bounds` are their upper bounds, in ascending order. */
export function createHistogram({ name, help, labels = [], bounds }: Description & { bounds: readonly number[] }): Histogram {
  const series = createSeries(labels, () => ({ counts: bounds.map(() => 0), count: 0, sum: 0 }))
  const suffixes = bounds.map((bound) => `le="${toBound(bound)}"`)
  return {
    observe(values, value) {
      const one = series.of(values)
      const bucket = bounds.findIndex((bound) => value <= bound)
      if (bucket !== -1) one.counts[bucket]!++
      one.count++
      one.sum += value
    },
    family: {
      name,
      help,
      type: 'histogram',
      samples: samplesOf(series, (labels, { counts, count, sum }) => {
        const before = labels === '' ? '' : `${labels},`
        let below = 0
        const buckets = counts.map((count, i): Sample => {
          below += count
          return { suffix: '_bucket', labels: before + suffixes[i], value: below }
        })
        return [
          ...buckets,
          { suffix: '_bucket', labels: `${before}le="+Inf"`, value: count },
          { suffix: '_sum', labels, value: sum },
          { suffix: '_count', labels, value: count },
        ]
      }),
    },
  }
}

interface Series<T> extends Iterable<readonly [labels: string, state: T]> {
  of(values: Labels): T
}

/** The series of one metric. A metric without labels has its one series from the start. */
function createSeries<T>(names: Labels, create: () => T): Series<T> {
  const states = new Map<string, T>(names.length === 0 ? [['', create()]] : [])
  const other = toLabels(
    names,
    names.map(() => 'other'),
  )
  function open(labels: string): T {
    if (states.size >= maxSeries && labels !== other) return find(other)
    const state = create()
    states.set(labels, state)
    return state
  }
  const find = (labels: string) => states.get(labels) ?? open(labels)
  return { of: (values) => find(toLabels(names, values)), [Symbol.iterator]: () => states[Symbol.iterator]() }
}

/** Returns the samples of all series. They are made anew at each scrape. */
function samplesOf<T>(series: Series<T>, toSamples: (labels: string, state: T) => readonly Sample[]): Iterable<Sample> {
  const make = () => Array.from(series).flatMap(([labels, state]) => toSamples(labels, state))
  return { [Symbol.iterator]: () => make().values() }
}
