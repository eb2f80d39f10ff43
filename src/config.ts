import * as v from 'valibot'
import { parseKeepAlive, toSeconds } from '#ollama-grammar/duration.ts'
import { parseOllamaHost } from '#ollama-grammar/host.ts'
import { isModelName } from '#ollama-grammar/model-name.ts'

/** Milliseconds; 0 = off. A JavaScript timer takes at most 2^31 - 1. */
const ms = (fallback: number, { min = 0 } = {}) => integer(fallback, min, 2_147_483_647)

function integer(fallback: number, min: number, max: number) {
  const expected = `must be an integer from ${min} to ${max}`
  return v.optional(
    v.pipe(v.string(), v.regex(/^\d+$/, expected), v.transform(Number), v.minValue(min, expected), v.maxValue(max, expected)),
    `${fallback}`,
  )
}

function flag() {
  return v.optional(
    v.pipe(
      v.picklist(['0', '1'], 'must be 0 or 1'),
      v.transform((text) => text === '1'),
    ),
    '0',
  )
}

/** A list such as `a,b`. `item` checks each entry, and returns undefined for a mistake. */
function list<T>(item: (text: string) => T | undefined, expected: string) {
  return v.optional(
    v.pipe(
      v.string(),
      v.rawTransform(({ dataset, addIssue, NEVER }) => {
        const items = dataset.value.split(',').map((text) => item(text.trim()))
        if (!items.includes(undefined)) return items as T[]
        addIssue({ message: expected })
        return NEVER
      }),
    ),
  )
}

const isGlob = (text: string) => /^[\w.:/*-]{1,256}$/.test(text)

/**
 * A key: its name, the SHA-256 of its secret in hex, and the globs of its models; undefined: all.
 */
interface ApiKey {
  readonly name: string
  readonly sha256: string
  readonly models: readonly string[] | undefined
}

function toApiKey(text: string): ApiKey | undefined {
  const [, name, sha256, globs] = /^([\w.-]{1,64}):([\da-f]{64})(?::(.+))?$/i.exec(text) ?? []
  const models = globs?.split('|')
  if (!name || !sha256 || models?.some((glob) => !isGlob(glob))) return undefined
  return { name, sha256: sha256.toLowerCase(), models }
}

/**
 * An origin as browsers write it in `Origin`. An origin of another scheme than http(s) is compared
 * by its text, because `URL` knows no origin for it. Its host may be `*`, for schemes whose hosts
 * are made at random (docs/protocol.md §7).
 */
function toOrigin(text: string): string | undefined {
  const origin = text.replace(/\/$/, '')
  if (!/^https?:/i.test(origin)) return /^[a-z][a-z\d+.-]*:\/\/(?:\*|[\w.-]+(?::\d{1,5})?)$/.test(origin) ? origin : undefined
  return !origin.includes('*') && URL.parse(origin)?.origin === origin.toLowerCase() ? origin.toLowerCase() : undefined
}

function toHost(text: string): string | undefined {
  return /^(?:\[[\da-f:.]+\]|[\w.-]+)$/i.test(text) ? text.toLowerCase() : undefined
}

function toAlias(text: string): readonly [string, string] | undefined {
  const [, from, to] = /^([\w.:/-]{1,256})=([\w.:/-]{1,256})$/.exec(text) ?? []
  return from && to ? [from, to] : undefined
}

/**
 * Every variable, its meaning and its default (docs/protocol.md §8). An empty one counts as unset.
 */
const variables = {
  /** The address to listen on. */
  HOST: v.optional(v.pipe(v.string(), v.regex(/^[\w.:-]+$/, 'must be an address or a host name')), '127.0.0.1'),
  /** The port to listen on; 0: any free one. */
  PORT: integer(8083, 0, 65_535),
  /**
   * 1: other processes may listen on the same port. This needs Node or Bun on Linux
   * (docs/deploy.md §11).
   */
  SLUICE_REUSE_PORT: flag(),
  /** Where Ollama is, by Ollama's own rules (docs/ollama.md §2). */
  OLLAMA_HOST: v.optional(
    v.pipe(
      v.string(),
      v.rawTransform(({ dataset, addIssue, NEVER }) => {
        const url = parseOllamaHost(dataset.value)
        if (url !== undefined) return url
        addIssue({ message: 'must be a host, host:port or http(s) URL without user information' })
        return NEVER
      }),
    ),
    '',
  ),
  /** Sent to the upstream as a Bearer token. */
  OLLAMA_API_KEY: v.optional(v.pipe(v.string(), v.regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces'))),
  /**
   * The model of a request that names none. Unset: one already loaded, else the newest installed.
   */
  SLUICE_MODEL: v.optional(
    v.pipe(v.string(), v.maxLength(256, 'must be a model name'), v.check(isModelName, 'must be a model name')),
  ),
  /** Other names for models, such as `gpt-4o=gemma3:270m,…`. */
  SLUICE_ALIASES: list(toAlias, 'must be a list of from=to'),
  /** Globs of the models that callers may use. Unset: all but cloud models. */
  SLUICE_MODELS: list((text) => (isGlob(text) ? text : undefined), 'must be a list of model names, * as the wildcard'),
  /**
   * The keys of callers: `name:sha256hex[:glob|glob…],…`. `npm run key -- NAME` makes one. Unset:
   * everybody who reaches the port needs no key.
   */
  SLUICE_API_KEYS: v.pipe(
    list(toApiKey, 'must be a list of name:sha256hex[:glob|glob…]; npm run key -- NAME makes one'),
    v.check((keys) => new Set(keys?.map(({ name }) => name)).size === (keys?.length ?? 0), 'must have each name once'),
  ),
  /** Origins whose pages may send requests from a browser, besides our own. */
  SLUICE_CORS_ORIGINS: list(
    toOrigin,
    'must be a list of origins such as https://chat.example, app://obsidian.md or moz-extension://*',
  ),
  /** The names that a `Host` header may have, besides loopback names and HOST. */
  SLUICE_ALLOWED_HOSTS: list(toHost, 'must be a list of host names without ports'),
  /** 1: listen on any address without keys. */
  SLUICE_INSECURE: flag(),
  /**
   * How long the failure of an SSE answer may still have its real status, from the parsed request.
   */
  SLUICE_GRACE_MS: ms(250),
  /**
   * How long a stream is silent before a heartbeat goes out. On workerd only the heartbeat notices
   * that a reader has left (hazard 11).
   */
  SLUICE_HEARTBEAT_MS: ms(5000, { min: 100 }),
  /**
   * How long the first token may take. It is long, because a cold load takes minutes, and starts
   * again if it is cut.
   */
  SLUICE_FIRST_TOKEN_TIMEOUT_MS: ms(600_000),
  /** How long the upstream may be silent between two lines. */
  SLUICE_IDLE_TIMEOUT_MS: ms(120_000),
  /** How long a stream may take in all. */
  SLUICE_TOTAL_TIMEOUT_MS: ms(3_600_000),
  /** How long a reader may take nothing before it is cut. */
  SLUICE_STALL_TIMEOUT_MS: ms(30_000),
  /** The largest body, with its images. */
  SLUICE_MAX_BODY_BYTES: integer(16_777_216, 1, 1_073_741_824),
  /** The longest line of the upstream. The last line may hold a `context` of megabytes. */
  SLUICE_MAX_LINE_BYTES: integer(4_194_304, 1024, 268_435_456),
  /** How many streams may be open at once. */
  SLUICE_MAX_STREAMS: integer(1000, 1, 1_000_000),
  /** 1: models may be pulled, pushed, created, copied and deleted through Sluice. */
  SLUICE_MANAGEMENT: flag(),
  /** How many answers one key, or one address without keys, may have at a time; 0 = no limit. */
  SLUICE_MAX_STREAMS_PER_KEY: integer(0, 0, 1_000_000),
  /** How many requests a minute one key, or one address without keys, may send; 0 = no limit. */
  SLUICE_RATE_PER_MINUTE: integer(0, 0, 1_000_000),
  /** How many generations run at the upstream at once; 0 = no limit. */
  SLUICE_UPSTREAM_STREAMS: integer(0, 0, 1_000_000),
  /** How many generations may wait until one of those ends. */
  SLUICE_QUEUE: integer(100, 0, 1_000_000),
  /** The most tokens of an answer. 0 = no limit, here and for the next two variables. */
  SLUICE_MAX_NUM_PREDICT: integer(0, 0, 2_147_483_647),
  /** The largest context window that a request may ask for. */
  SLUICE_MAX_NUM_CTX: integer(0, 0, 2_147_483_647),
  /** How long a request may keep its model loaded: seconds, or a duration such as 10m. */
  SLUICE_MAX_KEEP_ALIVE: v.optional(
    v.pipe(
      v.string(),
      v.transform((text) => toSeconds(parseKeepAlive(text))),
      v.check((seconds) => seconds >= 0, 'must be seconds or a duration such as 10m'),
    ),
    '0',
  ),
  /** How long streams may go on after SIGTERM. */
  SLUICE_SHUTDOWN_GRACE_MS: ms(10_000),
  /** 1: the built-in emulator instead of OLLAMA_HOST. */
  SLUICE_DEMO: flag(),
  /** The access log. Unset: pretty on a terminal, else JSON. */
  SLUICE_LOG: v.optional(v.picklist(['pretty', 'json', 'silent'], 'must be pretty, json or silent')),
}

/**
 * The names of all variables. Each is in the tables of both READMEs and of docs/protocol.md §8.
 */
export const variableNames: readonly string[] = Object.keys(variables)

/** Variables of earlier versions, and what to do instead. */
const retired: Readonly<Record<string, string>> = {
  SLUICE_WORKERS: 'gone; start several processes with SLUICE_REUSE_PORT=1 (docs/deploy.md §11)',
}

const schema = v.object(variables)

/** The environment, read once and checked. Times in milliseconds, sizes in bytes. */
export type Config = Readonly<v.InferOutput<typeof schema>>

/**
 * The mistakes in the environment, one line for each. Values are not repeated, because a value may
 * be a secret.
 */
export class ConfigError extends Error {
  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.name = 'ConfigError'
  }
}

/**
 * The environment → Config. `defaults` are the runtime's own values for unset variables.
 * @throws ConfigError for every mistake at once, unknown and retired `SLUICE_…` variables included
 */
export function parseConfig(env: Readonly<Record<string, unknown>>, defaults: Readonly<Record<string, string>> = {}): Config {
  const given = Object.entries(env).filter(
    ([name, value]) => value !== '' && value !== undefined && (name in variables || name.startsWith('SLUICE_')),
  )
  const problems = given
    .filter(([name]) => !(name in variables))
    .map(([name]) => `${name}: ${retired[name] ?? `no such variable; the nearest is ${toNearest(name)}`}`)
  // Bindings of a Worker may be numbers and booleans.
  const values = Object.fromEntries(
    given.map(([name, value]) => [name, typeof value === 'number' || typeof value === 'boolean' ? String(value) : value]),
  )
  const result = v.safeParse(schema, { ...defaults, ...values })
  for (const issue of result.issues ?? [])
    problems.push(
      `${v.getDotPath(issue)}: ${issue.kind === 'schema' && issue.type === 'string' ? 'must be a text' : issue.message}`,
    )
  if (!result.success || problems.length > 0) throw new ConfigError(problems)
  return result.output
}

function toNearest(name: string): string {
  const distances = variableNames.map((known) => [toDistance(name, known), known] as const)
  return distances.toSorted(([a], [b]) => a - b)[0]![1]
}

/** Levenshtein's distance: how many letters have to change. */
function toDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1))
    row = next
  }
  return row[b.length]!
}
