import type { LogLine } from '../middleware/access-log.ts'

/** The tokens of some requests. */
export interface Totals {
  /** How many requests have used tokens. */
  requests: number
  tokens_in: number
  tokens_out: number
  /** How many of `tokens_out` are counted pieces of text, because the answers were aborted. */
  estimated: number
}

/** What a key has used since `since`, in all and by model. */
export interface KeyUsage extends Totals {
  /** Empty if there are no keys. */
  readonly key: string
  /** ISO 8601. */
  readonly since: string
  readonly models: Readonly<Record<string, Totals>>
}

/** The sums of the access log, since this process began. */
export interface Usage {
  /** Hears each line of the access log. */
  hear(line: Pick<LogLine, 'key' | 'model' | 'tokens_in' | 'tokens' | 'estimated'>): void
  /** What this key has used. All numbers are 0 if it has used nothing. */
  of(key: string): KeyUsage
  /** What each key has used, that with the latest request last. */
  all(): KeyUsage[]
}

/** An app around Sluice may have any number of callers. Those that were silent longest go first. */
const maxKeys = 10_000
/** Ollama ignores the case of a model's name, so a model has more names than it seems. */
const maxModels = 100
const otherModels = 'other'

interface Sums {
  readonly all: Totals
  readonly models: Map<string, Totals>
}

/** Adds up the lines of the access log. */
export function createUsage({ since = new Date().toISOString() }: { since?: string } = {}): Usage {
  /** In the order of the last request. */
  const keys = new Map<string, Sums>()

  function toSums(key: string): Sums {
    const sums = keys.get(key) ?? { all: toZero(), models: new Map() }
    keys.delete(key)
    keys.set(key, sums)
    const [oldest] = keys.keys()
    if (keys.size > maxKeys) keys.delete(oldest!)
    return sums
  }

  const toKeyUsage = (key: string, { all, models }: Sums): KeyUsage => ({
    key,
    since,
    ...all,
    models: Object.fromEntries(Array.from(models, ([name, totals]) => [name, { ...totals }])),
  })

  return {
    hear({ key = '', model = otherModels, tokens_in = 0, tokens = 0, estimated = false }) {
      // So a model that does not exist has no sums. Its name is the caller's.
      if (tokens_in + tokens === 0) return
      const { all, models } = toSums(key)
      const name = models.has(model) || models.size < maxModels ? model : otherModels
      const ofModel = models.get(name) ?? toZero()
      models.set(name, ofModel)
      for (const totals of [all, ofModel]) {
        totals.requests++
        totals.tokens_in += tokens_in
        totals.tokens_out += tokens
        if (estimated) totals.estimated += tokens
      }
    },
    of: (key) => toKeyUsage(key, keys.get(key) ?? { all: toZero(), models: new Map() }),
    all: () => Array.from(keys, ([key, sums]) => toKeyUsage(key, sums)),
  }
}

const toZero = (): Totals => ({ requests: 0, tokens_in: 0, tokens_out: 0, estimated: 0 })
