import * as v from 'valibot'
import { isGlob, isKeyName, isSha256, type ApiKey, type KeyQuota } from './api-key.ts'

/**
 * The message lists the mistakes in a file of keys, one on each line. It has no text of the file.
 */
export class KeyFileError extends Error {
  constructor(problems: readonly string[]) {
    const more = problems.length - maxProblems
    super([...problems.slice(0, maxProblems), ...(more > 0 ? [`and ${more} more`] : [])].join('\n'))
    this.name = 'KeyFileError'
  }
}

/** So many mistakes are listed. */
const maxProblems = 10
/** So many keys are checked at once, which takes about a millisecond. */
const sliceSize = 250

const maxNumber = 1_000_000
const maxTokens = 1_000_000_000_000

const toIs = (what: string) => `must be ${what}`

function textThat(isValid: (text: string) => boolean, what: string) {
  return v.pipe(v.string(toIs(what)), v.check(isValid, toIs(what)))
}

function integer(max: number) {
  const message = `must be an integer from 0 to ${max}`
  return v.optional(v.pipe(v.number(message), v.integer(message), v.minValue(0, message), v.maxValue(max, message)))
}

const globs = 'a list of model names, * as the wildcard; leave it out for all models'

/** A key, as the file has it (docs/protocol.md#7-who-may-ask). */
const schema = v.strictObject(
  {
    name: textThat(isKeyName, '1 to 64 letters, digits, dots, - and _'),
    sha256: textThat(isSha256, 'the SHA-256 of the secret, as 64 hex digits'),
    models: v.optional(v.pipe(v.array(textThat(isGlob, globs), toIs(globs)), v.minLength(1, toIs(globs)))),
    admin: v.optional(v.boolean('must be true or false')),
    expires: v.optional(textThat(isDateTime, 'an ISO date and time with its zone, such as 2027-01-31T12:00:00Z')),
    requests_per_minute: integer(maxNumber),
    streams: integer(maxNumber),
    tokens_per_minute: integer(maxTokens),
    tokens_per_day: integer(maxTokens),
    note: v.optional(textThat((text) => text.length <= 1024, 'a text of at most 1024 characters')),
  },
  ({ expected }) =>
    expected === 'Object' ? 'must be an object' : expected === 'never' ? 'is no field of a key' : 'is missing',
)

/** An entry of the file. */
export type KeyEntry = v.InferOutput<typeof schema>

/**
 * Reads a file of keys. It yields after every slice of keys, so that a caller with streams can do
 * something else in between.
 * @throws KeyFileError
 */
export function* parseKeyFile(text: string): Generator<undefined, readonly ApiKey[]> {
  const entries = readEntries(text)
  const problems: string[] = []
  const keys: ApiKey[] = []
  /** The number of the key that has a name or a hash. */
  const names = new Map<string, number>()
  const hashes = new Map<string, number>()

  function claim(field: 'name' | 'sha256', taken: Map<string, number>, value: string, number: number) {
    const other = taken.get(value)
    if (other === undefined) taken.set(value, number)
    else problems.push(`key ${number}: ${field} is the same as that of key ${other}`)
  }

  for (const [index, entry] of entries.entries()) {
    if (index % sliceSize === sliceSize - 1) yield
    const number = index + 1
    const { success, issues, output } = v.safeParse(schema, entry)
    if (!success) {
      problems.push(...new Set(issues.map((issue) => `key ${number}: ${toProblem(issue)}`)))
      continue
    }
    const key = toApiKey(output)
    claim('name', names, key.name, number)
    claim('sha256', hashes, key.sha256, number)
    keys.push(key)
  }
  if (problems.length > 0) throw new KeyFileError(problems)
  return keys
}

/** Reads a file of keys at once. @throws KeyFileError */
export function parseKeys(text: string): readonly ApiKey[] {
  const parsing = parseKeyFile(text)
  for (;;) {
    const { done, value } = parsing.next()
    if (done) return value
  }
}

/** @throws KeyFileError */
function readEntries(text: string): readonly unknown[] {
  if (text.trim() === '') throw new KeyFileError(['is empty; a file without keys has {"keys":[]}'])
  let file: unknown
  try {
    file = JSON.parse(text)
  } catch {
    throw new KeyFileError(['is no JSON, or only a part of it'])
  }
  const { keys, ...others } = (typeof file === 'object' ? (file ?? {}) : {}) as { keys?: unknown }
  if (!Array.isArray(keys) || Object.keys(others).length > 0)
    throw new KeyFileError(['must be one object with a list of keys: {"keys":[{"name":"alice","sha256":"…"}]}'])
  return keys
}

function toProblem({ path, message }: v.BaseIssue<unknown>): string {
  const field = path?.[0]?.key
  if (field === undefined) return message
  // A secret could stand in the place of a name. It has digits or capitals.
  if (typeof field !== 'string' || !/^[a-z][a-z_]{0,31}$|^sha256$/.test(field)) return 'a name of a field is not known'
  return `${field} ${message}`
}

function toApiKey({ name, sha256, models, admin, expires, ...limits }: KeyEntry): ApiKey {
  const quota: KeyQuota = {
    ...(limits.requests_per_minute !== undefined && { perMinute: limits.requests_per_minute }),
    ...(limits.streams !== undefined && { streams: limits.streams }),
    ...(limits.tokens_per_minute !== undefined && { tokensPerMinute: limits.tokens_per_minute }),
    ...(limits.tokens_per_day !== undefined && { tokensPerDay: limits.tokens_per_day }),
  }
  return {
    name,
    sha256: sha256.toLowerCase(),
    models,
    ...(admin !== undefined && { admin }),
    ...(expires !== undefined && { expiresAt: Date.parse(expires) }),
    ...(Object.keys(quota).length > 0 && { quota }),
  }
}

/** `Date.parse` of some runtimes takes 30 February for 2 March. */
function isDateTime(text: string): boolean {
  const [, year, month, day] = /^(\d{4})-(\d\d)-(\d\d)T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/.exec(text) ?? []
  if (day === undefined || Number.isNaN(Date.parse(text))) return false
  return new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDate() === Number(day)
}
