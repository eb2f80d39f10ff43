import { Ollama, type ListResponse } from 'ollama/browser'
import { toFullName } from '#ollama-grammar/model-name.ts'
import type { Config } from '../../config/parse-config.ts'
import { createModelGlobs } from '../../upstreams/model-globs.ts'
import { well, wrong, type Finding } from './finding.ts'

/** How long Ollama may take for one answer, in milliseconds. */
const limitMs = 3000
/** How many names are shown at most. */
const maxNames = 10

/** Looks whether Ollama answers, and whether it has the models that the configuration names. */
export async function checkOllama({ upstream, models }: Config): Promise<readonly Finding[]> {
  const ollama = await connect(upstream)
  try {
    const { version }: { version: unknown } = await ollama.version()
    const { models: listed }: { models: unknown } = await ollama.list()
    if (typeof version !== 'string' || !isList(listed)) throw new SyntaxError()
    const where = upstream.demo ? 'the built-in demo, which makes up every answer' : upstream.host
    return [well('Ollama', `${where}, version ${toShown(version)}`), ...checkModels(listed, models)]
  } catch (error) {
    return [wrong('Ollama', `${upstream.host} ${toProblem(error)}`)]
  }
}

async function connect({ host, apiKey, demo }: Config['upstream']): Promise<Ollama> {
  const request = demo ? (await import('#fake-ollama')).createEmulator().fetch : fetch
  return new Ollama({
    host,
    ...(apiKey !== undefined && !demo && { headers: { authorization: `Bearer ${apiKey}` } }),
    fetch: (url, init) => request(url, { ...init, redirect: 'manual', signal: AbortSignal.timeout(limitMs) }),
  })
}

function isList(models: unknown): models is ListResponse['models'] {
  return Array.isArray(models) && models.every((model: unknown) => typeof (model as { name?: unknown })?.name === 'string')
}

function checkModels(listed: ListResponse['models'], { allowed, aliases, defaultModel }: Config['models']): readonly Finding[] {
  const isAllowed = createModelGlobs(allowed)
  const names = listed.map(({ name }) => name).filter(isAllowed)
  const installed = new Set(names.map(toFullName))
  const aliased = new Map(aliases)
  const findings = [checkNames(listed.length, names, allowed)]

  const toMissing = (model: string) =>
    isAllowed(model)
      ? `${model}, which Ollama does not have; run: ollama pull ${model}`
      : `${model}, which SLUICE_MODELS does not allow; add it there`
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

function toProblem(error: unknown): string {
  const { name, status_code: status, cause } = error as { name?: string; status_code?: number; cause?: unknown }
  const { code = '' } = (cause ?? error) as { code?: string }
  if (name === 'TimeoutError') return `does not answer within ${limitMs / 1000} s; restart Ollama, or set OLLAMA_HOST`
  if (status === 401 || status === 403) return `wants a key (${status}); set OLLAMA_API_KEY`
  if (status) return `answers ${status}, so it may be no Ollama; set OLLAMA_HOST`
  if (/CERT|SELF_SIGNED|UNABLE_TO_/.test(code))
    return `has a certificate that is not valid (${code}); NODE_EXTRA_CA_CERTS adds an authority`
  if (/^E[A-Z]/.test(code) || code === 'ConnectionRefused' || name === 'TypeError')
    return `cannot be reached${code && ` (${code})`}; start Ollama (ollama serve), or set OLLAMA_HOST`
  return 'answers, but not as Ollama does; set OLLAMA_HOST'
}
