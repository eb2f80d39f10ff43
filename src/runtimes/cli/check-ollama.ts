import { Ollama } from 'ollama/browser'
import { toFullName } from '#ollama-grammar/model-name.ts'
import { toApiKeyName } from '../../config/host-api-keys.ts'
import { toHosts, type Host } from '../../config/hosts.ts'
import type { Config } from '../../config/parse-config.ts'
import { createModelGlobs } from '../../upstreams/model-globs.ts'
import { well, wrong, type Finding } from './finding.ts'

/** How long Ollama may take for one answer, in milliseconds. */
const limitMs = 3000
/** How many names are shown at most. */
const maxNames = 10

/**
 * Looks whether each Ollama answers, and whether they have the models that the configuration names.
 */
export async function checkOllama(config: Config): Promise<readonly Finding[]> {
  const { upstream, models } = config
  const looked = await Promise.all(toHosts(config).map((host) => checkHost(host, upstream)))
  const listed = looked.flatMap(({ listed }) => listed ?? [])
  const isAnswering = looked.some(({ listed }) => listed)
  return [...looked.map(({ finding }) => finding), ...(isAnswering ? checkModels(listed, models, upstream) : [])]
}

/** Looks whether an Ollama answers. Returns its models, if it does. */
async function checkHost(
  host: Host,
  { demo, hosts }: Config['upstream'],
): Promise<{ finding: Finding; listed?: Answers['listed'] }> {
  const name = hosts.length > 0 && !demo ? `${host.name}: ` : ''
  try {
    const { version, listed } = await ask(await connect(host, demo))
    const where = demo ? 'the built-in demo, which makes up every answer' : host.url
    return { finding: well('Ollama', `${name}${where}, version ${toShown(version)}`), listed }
  } catch (error) {
    const isOne = name === ''
    const variables = {
      address: isOne ? 'OLLAMA_HOST' : 'OLLAMA_HOSTS',
      key: isOne ? 'OLLAMA_API_KEY' : toApiKeyName(host.name),
    }
    return { finding: wrong('Ollama', `${name}${host.url} ${toProblem(error, variables)}`) }
  }
}

interface Answers {
  readonly version: string
  readonly listed: readonly { readonly name: string }[]
}

/** @throws Error if Ollama does not answer, or not as Ollama does */
async function ask(ollama: Ollama): Promise<Answers> {
  const { version }: { version: unknown } = await ollama.version()
  const { models: listed }: { models: unknown } = await ollama.list()
  if (typeof version !== 'string' || !isList(listed)) throw new SyntaxError('Cannot read the answers')
  return { version, listed }
}

async function connect({ url: host, apiKey }: Host, demo: boolean): Promise<Ollama> {
  const request = demo ? (await import('#fake-ollama')).createEmulator().fetch : fetch
  return new Ollama({
    host,
    ...(apiKey !== undefined && !demo && { headers: { authorization: `Bearer ${apiKey}` } }),
    async fetch(url, init) {
      const response = await request(url, { ...init, redirect: 'manual', signal: AbortSignal.timeout(limitMs) })
      // The client would print a line about it.
      if (!response.ok) throw new StatusError(response.status)
      return response
    },
  })
}

/** An answer that is no success. */
class StatusError extends Error {
  readonly status: number
  constructor(status: number) {
    super(`${status}`)
    this.status = status
  }
}

function isList(models: unknown): models is Answers['listed'] {
  return Array.isArray(models) && models.every((model: unknown) => typeof (model as { name?: unknown })?.name === 'string')
}

function checkModels(
  listed: Answers['listed'],
  { allowed, aliases, defaultModel }: Config['models'],
  { demo }: Config['upstream'],
): readonly Finding[] {
  const isAllowed = createModelGlobs(allowed)
  const names = listed.map(({ name }) => name).filter(isAllowed)
  const installed = new Set(names.map(toFullName))
  const aliased = new Map(aliases)
  const findings = [checkNames(listed.length, names, allowed)]

  const toMissing = (model: string) => {
    if (!isAllowed(model)) return `${model}, which SLUICE_MODELS does not allow; add it there`
    return demo
      ? `${model}, which the demo does not have; name one of those above`
      : `${model}, which Ollama does not have; run: ollama pull ${model}`
  }
  const isThere = (model: string) => installed.has(toFullName(model))
  for (const [name, model] of aliased)
    if (!isThere(model)) findings.push(wrong('models', `SLUICE_ALIASES: ${name} means ${toMissing(model)}`))
  if (defaultModel === undefined)
    findings.push(well('default model', 'SLUICE_MODEL is not set: a model that is loaded, or else the newest one'))
  else {
    const model = aliased.get(defaultModel) ?? defaultModel
    findings.push(
      isThere(model) ? well('default model', model) : wrong('default model', `SLUICE_MODEL names ${toMissing(model)}`),
    )
  }
  return findings
}

function checkNames(count: number, names: readonly string[], allowed: Config['models']['allowed']): Finding {
  if (count === 0) return wrong('models', 'Ollama has none; run: ollama pull gemma3:270m')
  if (names.length === 0)
    return wrong(
      'models',
      allowed
        ? `callers may use none of the ${count} that Ollama has; change SLUICE_MODELS`
        : `Ollama has only cloud models, which need SLUICE_MODELS; or run: ollama pull gemma3:270m`,
    )
  const more = names.length > maxNames ? ` and ${names.length - maxNames} more` : ''
  return well('models', `${names.slice(0, maxNames).map(toShown).join(', ')}${more}`)
}

/** A text of Ollama's, for a terminal: without control characters, and not long. */
function toShown(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '?').slice(0, 100)
}

/** Says what is wrong, and what to do about it: which variables have the address and the key. */
function toProblem(error: unknown, { address, key }: { address: string; key: string }): string {
  if (error instanceof StatusError) {
    const { status } = error
    if (status === 401 || status === 403) return `wants a key (${status}); set ${key}`
    return `answers ${status}, so it may be no Ollama; set ${address}`
  }
  const { name, message, cause } = error as Error
  if (name === 'TimeoutError') return `does not answer within ${limitMs / 1000} s; restart Ollama, or set ${address}`
  // Only the errors of a connection have a code or a cause, such as a port that fetch never asks.
  const { code = message === 'fetch failed' ? (cause as Error).message : '' } = (cause ?? error) as NodeJS.ErrnoException
  if (!code) return `answers, but not as Ollama does; set ${address}`
  if (/CERT|SELF_SIGNED|UNABLE_TO_/.test(code))
    return `has a certificate that is not valid (${code}); NODE_EXTRA_CA_CERTS adds an authority`
  return `cannot be reached (${code}); start Ollama (ollama serve), or set ${address}`
}
