import * as v from 'valibot'
import { toApiKeyName } from './host-api-keys.ts'
import { bearer } from './schemas.ts'
import { retired, variables, type Groups, type Variable } from './variables.ts'

type Variables = typeof variables

/** The environment, read once and checked. Times are in milliseconds, and sizes in bytes. */
export type Config = {
  readonly [Group in keyof Variables]: {
    readonly [Field in keyof Variables[Group]]: Variables[Group][Field] extends Variable<infer Value> ? Value : never
  }
}

/** The defaults of one runtime. They replace the general defaults in `variables`. */
export type ConfigDefaults = { readonly [Group in keyof Config]?: Partial<Config[Group]> }

const groups: Groups<Variable<unknown>> = variables

/** The names of all variables. The table in docs/protocol.md#8-configuration lists each of them. */
export const variableNames: readonly string[] = Object.values(groups).flatMap((group) =>
  Object.values(group).map(({ name }) => name),
)

/**
 * The message lists the mistakes in the environment, one on each line. It does not contain the
 * value of a variable, because a value may be a secret.
 */
export class ConfigError extends Error {
  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.name = 'ConfigError'
  }
}

/**
 * Parses the environment.
 * @throws ConfigError that lists all mistakes, including unknown and retired `SLUICE_…` variables
 */
export function parseConfig(env: Readonly<Record<string, unknown>>, defaults: ConfigDefaults = {}): Config {
  const problems = Object.keys(env)
    .filter((name) => name.startsWith('SLUICE_') && toText(env[name]) !== undefined && !variableNames.includes(name))
    .map((name) => `${name}: ${retired[name] ?? 'no such variable; docs/protocol.md §8 lists them all'}`)

  function parse({ name, schema }: Variable<unknown>, fallback: unknown): unknown {
    const text = toText(env[name])
    if (text === undefined && fallback !== undefined) return fallback
    const { issues = [], output } = v.safeParse(schema, text)
    for (const { kind, type, message } of issues)
      problems.push(`${name}: ${kind === 'schema' && type === 'string' ? 'must be a text' : message}`)
    return output
  }

  const runtimeDefaults: Partial<Groups<unknown>> = defaults
  const config = mapValues(groups, (group, key) =>
    mapValues(group, (variable, field) => parse(variable, runtimeDefaults[key]?.[field])),
  )
  const { upstream, ...others } = config as Config
  const isSet = ({ name }: Variable<unknown>) => toText(env[name]) !== undefined
  const { host, apiKey, hosts } = variables.upstream
  if (isSet(hosts)) {
    if (isSet(host)) problems.push(`${host.name}: must be unset, because ${hosts.name} is set`)
    if (isSet(apiKey)) problems.push(`${apiKey.name}: must be unset with ${hosts.name}; each host has a variable of its own`)
  }
  // If the hosts have a mistake, they are still a text here.
  const withKeys = (typeof upstream.hosts === 'string' ? [] : upstream.hosts).map((host) => {
    const key = parse({ name: toApiKeyName(host.name), schema: bearer }, undefined)
    return { ...host, apiKey: key as string | undefined }
  })
  if (problems.length > 0) throw new ConfigError(problems)
  return { ...others, upstream: { ...upstream, hosts: withKeys } }
}

/**
 * Returns the value of a variable as text, or undefined if the variable is unset or empty. On
 * Workers, a value may also be a number or a boolean.
 */
function toText(value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return value === '' ? undefined : value
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, toValue: (value: T, key: string) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, toValue(value, key)]))
}
