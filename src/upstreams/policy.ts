import { ServiceError } from '../errors.ts'
import { isProgress, type GenerationCall } from '../generation.ts'
import { clamp, type Clamps } from './clamps.ts'
import { createDefaultModel } from './default-model.ts'
import { createModelGlobs } from './model-globs.ts'
import { filterModels } from './models.ts'
import { isInference, type CallContext, type Question, type Upstream } from './upstream.ts'

export interface PolicyOptions {
  upstream: Upstream
  /**
   * Globs of the models that may be used. Undefined allows all models except cloud models. If a key
   * has globs of its own, a model must match both lists.
   */
  allowed: readonly string[] | undefined
  /** Aliases and the model that each alias stands for, such as `gpt-4o` → `gemma3:270m`. */
  aliases: Iterable<readonly [name: string, model: string]>
  clamps: Clamps
  /**
   * The model for a request that names no model. If it is undefined, a loaded model is used, or
   * else the newest installed model.
   */
  defaultModel: string | undefined
  /** How many callers may load a list of models at once, to find the default model. */
  maxLoads: number
  now: () => number
}

/**
 * Decides which models may be used, and how much a request may ask of them. A model that is not
 * allowed is reported as not found, in Ollama's own words. So a reader does not learn which other
 * models exist.
 */
export function createPolicy({ upstream, allowed, aliases, clamps, defaultModel, maxLoads, now }: PolicyOptions): Upstream {
  const isListed = createModelGlobs(allowed)
  const modelByName = new Map(aliases)
  const toModel = (name: string) => modelByName.get(name) ?? name
  const configured = defaultModel === undefined ? undefined : toModel(defaultModel)
  const findDefault = createDefaultModel({ configured, ask: upstream.ask, maxLoads, now })

  const allowedFor = ({ models: keyModels, token }: CallContext) => {
    const isOfKey = keyModels ? createModelGlobs(keyModels) : () => true
    const isOfToken = token?.models ? createModelGlobs(token.models) : () => true
    return (name: string) => isListed(name) && isOfKey(name) && isOfToken(name)
  }

  /** @throws ServiceError `model_not_found` */
  function toAllowed(name: string, context: CallContext): string {
    const model = toModel(name)
    if (allowedFor(context)(model)) return model
    throw new ServiceError('model_not_found', `model '${name}' not found`)
  }

  function toAllowedBody(body: Fields, context: CallContext): Fields {
    const named = modelFields.filter((field) => typeof body[field] === 'string' && body[field] !== '')
    return { ...body, ...Object.fromEntries(named.map((field) => [field, toAllowed(body[field] as string, context)])) }
  }

  /** A token may lower the limit of an answer. 0 means no limit. */
  function clampsFor({ token: { num_predict = 0 } = {} }: CallContext): Clamps {
    const numPredict = Math.min(clamps.numPredict || num_predict, num_predict || clamps.numPredict)
    return numPredict === clamps.numPredict ? clamps : { ...clamps, numPredict }
  }

  return {
    ...upstream,
    async generate(call, context) {
      if (isProgress(call)) {
        const body = toAllowedBody(call.body, context)
        return upstream.generate({ ...call, model: toAllowed(call.model!, context), body }, context)
      }
      const model = call.model === undefined ? await findDefault(context, allowedFor(context)) : toAllowed(call.model, context)
      // Without its last line, an answer does not say which model it is by.
      if (call.model === undefined) context.note?.({ model })
      return upstream.generate({ ...call, model, body: clamp(call.body, clampsFor(context)) }, context)
    },
    async ask(question, context) {
      if ('body' in question) return upstream.ask({ ...question, body: toAllowedBody(clampOf(question), context) }, context)
      const answer = await upstream.ask(question, context)
      if (question.about === 'version') return answer
      const isAllowed = allowedFor(context)
      const list = { ...filterModels(answer, isAllowed), aliases: [...modelByName].filter(([, model]) => isAllowed(model)) }
      if (!question.withDefault) return list
      // If there is no default model, the list is still returned.
      return { ...list, defaultModel: await findDefault(context, isAllowed, answer).catch(() => undefined) }
    },
  }

  function clampOf(question: Extract<Question, { body: unknown }>): Fields {
    return isInference(question) ? clamp(question.body, { ...clamps, numPredict: 0 }) : question.body
  }
}

type Fields = GenerationCall['body']

/** The request fields that contain the name of a model. */
const modelFields = ['model', 'name', 'from', 'source', 'destination']
