import * as v from 'valibot'
import { parseKeepAlive, toSeconds } from '#ollama-grammar/duration.ts'
import { parseOllamaHost } from '#ollama-grammar/host.ts'
import { isModelName } from '#ollama-grammar/model-name.ts'
import { isGlob, isKeyName, isSha256, type ApiKey } from './api-key.ts'
import { KeyFileError, parseKeys } from './key-file.ts'
import { parseBase } from './parse-base.ts'

/** 1 is on, 0 is off. */
export function flag() {
  return v.optional(
    v.pipe(
      v.picklist(['0', '1'], 'must be 0 or 1'),
      v.transform((text) => text === '1'),
    ),
    '0',
  )
}

/** A text that `read` turns into a value. It returns undefined if the text is invalid. */
function parsed<T>(read: (text: string) => T | undefined, expected: string) {
  return v.pipe(
    v.string(),
    v.rawTransform(({ dataset, addIssue, NEVER }): T => {
      const value = read(dataset.value)
      if (value !== undefined) return value
      addIssue({ message: expected })
      return NEVER
    }),
  )
}

/** A number without a sign, a fraction or a unit. */
export function integer(fallback: number, min: number, max: number) {
  const read = (digits: string) => {
    const value = /^\d+$/.test(digits) ? Number(digits) : NaN
    return value >= min && value <= max ? value : undefined
  }
  return v.optional(parsed(read, `must be an integer from ${min} to ${max}`), `${fallback}`)
}

/** Milliseconds; 0 = off. A JavaScript timer accepts at most 2^31 - 1. */
export function ms(fallback: number, { min = 0 } = {}) {
  return integer(fallback, min, 2_147_483_647)
}

/** A text that `isValid` accepts. */
function textThat(isValid: (text: string) => boolean, expected: string) {
  return parsed((value) => (isValid(value) ? value : undefined), expected)
}

/** An address or a host name. */
export function address(fallback: string) {
  return v.optional(
    textThat((host) => /^[\w.:-]+$/.test(host), 'must be an address or a host name'),
    fallback,
  )
}

/** A path, as `parseBase` returns it. */
export const basePath = v.optional(parsed(parseBase, 'must be a path such as /ai, of plain characters'), '')

/** The address of Ollama, as a URL without a trailing slash. */
export const ollamaHost = v.optional(
  parsed(parseOllamaHost, 'must be a host, host:port or http(s) URL without user information'),
  '',
)

/** One Ollama of `OLLAMA_HOSTS`. */
export interface OllamaHost {
  readonly name: string
  /** The base URL, without a trailing slash. */
  readonly url: string
  /** Hosts of a lower tier get requests first. */
  readonly tier: number
  /**
   * How many requests may run there at once; 0 = no limit. Undefined: `SLUICE_UPSTREAM_STREAMS`.
   */
  readonly max: number | undefined
  /** How many requests the host can run, compared with the other hosts. */
  readonly weight: number
  /** The key that is sent to the host as a Bearer token. */
  readonly apiKey: string | undefined
}

/** The largest value of each setting of a host. */
const hostSettings = { tier: 1000, max: 1_000_000, weight: 1000 } as const

function toOllamaHost(text: string): OllamaHost | undefined {
  const [named = '', ...settings] = text.split(';')
  const [, name, address] = /^([a-z\d][a-z\d-]{0,62})=(.+)$/.exec(named.trim()) ?? []
  const url = address && parseOllamaHost(address)
  if (!name || !url) return undefined
  const given: Partial<Record<keyof typeof hostSettings, number>> = {}
  for (const setting of settings) {
    const [, key, digits] = /^\s*(tier|max|weight)=(\d{1,7})\s*$/.exec(setting) ?? []
    const field = key as keyof typeof hostSettings | undefined
    const value = Number(digits)
    if (!field || given[field] !== undefined || value > hostSettings[field] || (value === 0 && field === 'weight'))
      return undefined
    given[field] = value
  }
  return { name, url, tier: 1, max: undefined, weight: 1, apiKey: undefined, ...given }
}

/** A list of Ollamas. Each name may occur only once. */
export const ollamaHosts = v.pipe(
  list(toOllamaHost, 'must be a list of name=url[;tier=n][;max=n][;weight=n], with names of a-z, 0-9 and -'),
  v.check((hosts) => new Set(hosts.map(({ name }) => name)).size === hosts.length, 'must have each name once'),
)

/** A secret that an `Authorization` header can contain. */
export const bearer = v.optional(textThat((secret) => /^[\x21-\x7e]+$/.test(secret), 'must be printable ASCII without spaces'))

/** A secret that signs. 32 random characters have at least 128 bits, even in hex. */
export const tokenSecret = v.optional(textThat((secret) => secret.length >= 32, 'must have at least 32 characters'))

/** A valid name of an Ollama model. */
export const modelName = v.optional(textThat((name) => name.length <= 256 && isModelName(name), 'must be a model name'))

/** A duration in seconds; 0 = off. */
export const keepAliveSeconds = v.optional(
  parsed((duration) => {
    const seconds = toSeconds(parseKeepAlive(duration))
    return seconds >= 0 ? seconds : undefined
  }, 'must be seconds or a duration such as 10m'),
  '0',
)

/**
 * A list such as `a,b`. If the variable is unset, the list is empty. `item` parses an entry, and
 * returns undefined if the entry is invalid.
 */
function list<T>(item: (text: string) => T | undefined, expected: string) {
  const read = (entries: string): readonly T[] | undefined => {
    if (entries === '') return []
    const items = entries.split(',').map((entry) => item(entry.trim()))
    return items.includes(undefined) ? undefined : (items as T[])
  }
  return v.optional(parsed(read, expected), '')
}

/** Globs for names of models. If the variable is unset, the value is undefined. */
export const globs = v.optional(
  list((text) => (isGlob(text) ? text : undefined), 'must be a list of model names, * as the wildcard'),
)

function toApiKey(text: string): ApiKey | undefined {
  const [, name = '', sha256 = '', globs] = /^([^:]*):([^:]*)(?::(.+))?$/.exec(text) ?? []
  const models = globs?.split('|')
  if (!isKeyName(name) || !isSha256(sha256) || models?.some((glob) => !isGlob(glob))) return undefined
  return { name, sha256: sha256.toLowerCase(), models }
}

/** A list of keys. Each name may occur only once. */
const keyList = v.pipe(
  list(toApiKey, 'must be a list of name:sha256hex[:glob|glob…]; npx sluice key add NAME makes one'),
  v.check((keys) => new Set(keys.map(({ name }) => name)).size === keys.length, 'must have each name once'),
)

/** The text of a file of keys. */
const keyFile = v.pipe(
  v.string(),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    try {
      return parseKeys(dataset.value)
    } catch (error) {
      if (!(error instanceof KeyFileError)) throw error
      for (const message of error.message.split('\n')) addIssue({ message })
      return NEVER
    }
  }),
)

/** Keys: a list, or the text of a file of keys, which begins with a brace. */
export const apiKeys = v.lazy((text) => (typeof text === 'string' && text.trimStart().startsWith('{') ? keyFile : keyList))

/** The path of a file. */
export const filePath = v.optional(textThat((path) => !path.includes('\0'), 'must be the path of a file'))

/**
 * Parses an origin as browsers write it in `Origin`. If the scheme is not http(s), the origin is
 * kept as text, because `URL` returns the origin `null` for other schemes. The host of such an
 * origin may be `*`, because some schemes have random hosts (docs/protocol.md#7-who-may-ask).
 */
function toOrigin(text: string): string | undefined {
  const origin = text.replace(/\/$/, '')
  if (!/^https?:/i.test(origin)) return /^[a-z][a-z\d+.-]*:\/\/(?:\*|[\w.-]+(?::\d{1,5})?)$/.test(origin) ? origin : undefined
  return !origin.includes('*') && URL.parse(origin)?.origin === origin.toLowerCase() ? origin.toLowerCase() : undefined
}

/** A list of origins. The host may be `*` if the scheme is not http(s). */
export const origins = list(
  toOrigin,
  'must be a list of origins such as https://chat.example, app://obsidian.md or moz-extension://*',
)

function toHost(text: string): string | undefined {
  return /^(?:\[[\da-f:.]+\]|[\w.-]+)$/i.test(text) ? text.toLowerCase() : undefined
}

/** A list of host names without ports, in lower case. */
export const hosts = list(toHost, 'must be a list of host names without ports')

/**
 * Where Redis is, and what it needs to know of us. A part that is undefined has Redis's default.
 */
export interface RedisAddress {
  readonly tls: boolean
  readonly host: string
  readonly port: number
  readonly username: string | undefined
  readonly password: string | undefined
  /** The number of the database. */
  readonly database: number
}

function toRedisAddress(text: string): RedisAddress | undefined {
  const url = URL.parse(text)
  const [, protocol = ''] = /^(rediss?):\/\//i.exec(text) ?? []
  const [, database] = /^\/?(\d{0,4})$/.exec(url?.pathname ?? '?') ?? []
  const host = /^\[([\da-f:.]+)\]$|^([\w.-]+)$/i.exec(url?.hostname ?? '')
  if (!url || !protocol || !host || database === undefined || url.port === '0' || /[?#]/.test(text)) return undefined
  try {
    return {
      tls: protocol.toLowerCase() === 'rediss',
      host: host[1] ?? host[0],
      port: Number(url.port || 6379),
      username: decodeURIComponent(url.username) || undefined,
      password: decodeURIComponent(url.password) || undefined,
      database: Number(database),
    }
  } catch {
    // A percent sign does not stand for a character.
    return undefined
  }
}

/** The URL of a Redis. It may contain a password. */
export const redisUrl = v.optional(
  parsed(toRedisAddress, 'must be a URL such as redis://user:password@host:6379/0, or rediss://… for TLS'),
)

function toAlias(text: string): readonly [name: string, model: string] | undefined {
  const [, name, model] = /^([\w.:/-]{1,256})=([\w.:/-]{1,256})$/.exec(text) ?? []
  return name && model ? [name, model] : undefined
}

/** A list of aliases. Each is a name and the model that the name stands for. */
export const aliases = list(toAlias, 'must be a list of from=to')

/** Any text. */
export const text = v.optional(v.string())

/** `true` or `false`, in any case, as OpenTelemetry writes it. */
export const trueOrFalse = v.optional(
  parsed((word) => (/^(?:true|false)$/i.test(word) ? word.toLowerCase() === 'true' : undefined), 'must be true or false'),
  'false',
)

/** An address with a path, and without user information. */
export const webUrl = v.optional(
  textThat((text) => {
    const url = URL.parse(text)
    return !!url && /^https?:$/.test(url.protocol) && !url.username && !url.password && !/[?#]/.test(text)
  }, 'must be an http(s) URL without user information, such as http://127.0.0.1:4318'),
)

/** Parses `name=value`, where the value is percent-encoded. The name is that of a header. */
function toPair(text: string, isValid: (value: string) => boolean): readonly [name: string, value: string] | undefined {
  const [, name, encoded] = /^([\w!#$%&'*+.^`|~-]{1,256})\s*=\s*(.*)$/.exec(text) ?? []
  if (name === undefined || encoded === undefined) return undefined
  try {
    const value = decodeURIComponent(encoded)
    return isValid(value) ? [name, value] : undefined
  } catch {
    // A percent sign does not stand for a character.
    return undefined
  }
}

/** A list of attributes. */
export const attributes = list(
  (text) => toPair(text, (value) => /^\P{Cc}*$/u.test(value)),
  'must be a list of name=value, percent-encoded',
)

/** A list of headers. Their values may be secret. */
export const headers = list(
  (text) => toPair(text, (value) => /^[\x20-\x7e]*$/.test(value)),
  'must be a list of name=value of ASCII, percent-encoded',
)

/** The samplers of OpenTelemetry. */
export const sampler = v.optional(
  v.picklist(
    ['always_on', 'always_off', 'traceidratio', 'parentbased_always_on', 'parentbased_always_off', 'parentbased_traceidratio'],
    'must be always_on, always_off or traceidratio, or one of them behind parentbased_',
  ),
  'parentbased_always_on',
)

/** A number from 0 to 1. */
export const ratio = v.optional(
  parsed((digits) => {
    const value = /^\d*\.?\d+$/.test(digits) ? Number(digits) : NaN
    return value <= 1 ? value : undefined
  }, 'must be a number from 0 to 1'),
  '1',
)
