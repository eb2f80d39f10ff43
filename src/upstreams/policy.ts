import { ServiceError } from '../errors.ts'
import { isProgress, type GenerationCall } from '../generation.ts'
import { clamp, type Clamps } from './clamps.ts'
import { createDefaultModel } from './default-model.ts'
import { createModelGlobs } from './model-globs.ts'
import { isInference, type Answer, type CallContext, type Question, type Upstream } from './upstream.ts'

export interface PolicyOptions {
  upstream: Upstream
  /** Globs of the models that may be asked; undefined: all but cloud models. A key may have its own besides. */
  models: readonly string[] | undefined
  /** What a name means: `gpt-4o` → `gemma3:270m`. */
  aliases: ReadonlyMap<string, string>
  clamps: Clamps
  /** The model of a request that names none; undefined: one already loaded, else the newest installed. */
  defaultModel: string | undefined
  /** How many callers may look for it at once. */
  maxLoads: number
  now: () => number
}

/**
 * Which models may be asked, and for how much. What is not allowed is told as what is not there, in Ollama's own words: who may not use a
 * model need not know of it.
 */
export function createPolicy({ upstream, models, aliases, clamps, defaultModel, maxLoads, now }: PolicyOptions): Upstream {
  const isListed = createModelGlobs(models)
  const toMeant = (name: string) => aliases.get(name) ?? name
  const configured = defaultModel === undefined ? undefined : toMeant(defaultModel)
  const findDefault = createDefaultModel({ configured, ask: upstream.ask, maxLoads, now })

  const allowedFor = ({ models: own }: CallContext) => {
    const isOwn = own ? createModelGlobs(own) : () => true
    return (name: string) => isListed(name) && isOwn(name)
  }

  /** @throws ServiceError `model_not_found` */
  function toAllowed(name: string, context: CallContext): string {
    const meant = toMeant(name)
    if (allowedFor(context)(meant)) return meant
    throw new ServiceError('model_not_found', `model '${name}' not found`)
  }

  function toAllowedBody(body: Fields, context: CallContext): Fields {
    const named = modelFields.filter((field) => typeof body[field] === 'string' && body[field] !== '')
    return { ...body, ...Object.fromEntries(named.map((field) => [field, toAllowed(body[field] as string, context)])) }
  }

  return {
    ...upstream,
    async generate(call, context) {
      if (isProgress(call)) {
        const body = toAllowedBody(call.body, context)
        return upstream.generate({ ...call, model: toAllowed(call.model!, context), body }, context)
      }
      const model = call.model === undefined ? await findDefault(context, allowedFor(context)) : toAllowed(call.model, context)
      return upstream.generate({ ...call, model, body: clamp(call.body, clamps) }, context)
    },
    async ask(question, context) {
      if ('body' in question) return upstream.ask({ ...question, body: toAllowedBody(clampOf(question), context) }, context)
      const answer = await upstream.ask(question, context)
      if (question.about === 'version') return answer
      const isAllowed = allowedFor(context)
      const list = { ...filter(answer, isAllowed), aliases: [...aliases].filter(([, meant]) => isAllowed(meant)) }
      if (!question.withDefault) return list
      // The list itself is of use without it.
      return { ...list, defaultModel: await findDefault(context, isAllowed).catch(() => undefined) }
    },
  }

  function clampOf(question: Extract<Question, { body: unknown }>): Fields {
    return isInference(question) ? clamp(question.body, { ...clamps, numPredict: 0 }) : question.body
  }
}

type Fields = GenerationCall['body']

/** Where requests name models. */
const modelFields = ['model', 'name', 'from', 'source', 'destination']

/** Ollama's own text where nothing is left out. */
function filter({ text, value }: Answer, isAllowed: (name: string) => boolean): Answer {
  const listed = (Array.isArray(value.models) ? value.models : []) as readonly { name?: unknown }[]
  const models = listed.filter(({ name }) => typeof name === 'string' && isAllowed(name))
  if (models.length === listed.length) return { text, value }
  const left = { ...value, models }
  return { text: JSON.stringify(left), value: left }
}
