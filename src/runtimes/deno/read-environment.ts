import { toApiKeyNames } from '../../config/host-api-keys.ts'
import { ConfigError, variableNames } from '../../config/parse-config.ts'
import { retired, variables } from '../../config/variables.ts'

declare const Deno: {
  env: { get(name: string): string | undefined; toObject(): Record<string, string> }
  permissions: { querySync(descriptor: { name: 'env'; variable?: string }): { state: 'granted' | 'denied' | 'prompt' } }
}

const names = [...variableNames, ...Object.keys(retired)]
const isReadable = (variable?: string) =>
  Deno.permissions.querySync({ name: 'env', ...(variable !== undefined && { variable }) }).state === 'granted'

/**
 * Returns the environment. If Deno may read only some variables, returns those of Sluice. Deno then
 * lists no names, so a misspelt `SLUICE_…` variable is not noticed (docs/hazards.md#121).
 * @throws ConfigError if Deno may not read a variable of Sluice, because nobody can tell if it is
 * set
 */
export function readEnvironment(): Readonly<Record<string, string | undefined>> {
  if (isReadable()) return Deno.env.toObject()
  const known = read(names)
  return { ...known, ...read(toApiKeyNames(known[variables.upstream.hosts.name] ?? '')) }
}

/** @throws ConfigError */
function read(names: readonly string[]): Readonly<Record<string, string | undefined>> {
  const hidden = names.find((name) => !isReadable(name))
  if (hidden !== undefined)
    throw new ConfigError([
      `${hidden}: Deno may not read this variable; start it with --allow-env=HOST,PORT,OLLAMA_*,OTEL_*,SLUICE_*`,
    ])
  return Object.fromEntries(names.map((name) => [name, Deno.env.get(name)]))
}
