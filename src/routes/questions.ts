import type { Context, MiddlewareHandler } from 'hono'
import type { Dialect } from '../dialects/dialect.ts'
import { isObject } from '../exact-json.ts'
import { ServiceError } from '../errors.ts'
import { toTokens } from '../generation.ts'
import type { Entry, Env } from '../middleware/env.ts'
import type { TokenBudget } from '../middleware/token-budget.ts'
import { estimateInput } from '../middleware/token-estimate.ts'
import type { Streams } from '../relay/streams.ts'
import { isInference, type Answer, type Question, type Upstream } from '../upstreams/upstream.ts'
import { toCaller } from './caller.ts'
import { toHostHeader } from './host-header.ts'
import { toIgnoredHeader } from './ignored-header.ts'
import { startStream } from './start-stream.ts'
import { createRoutes } from './create-routes.ts'

export interface QuestionsOptions {
  dialect: Dialect
  body: MiddlewareHandler<Env>
  upstream: Upstream
  budget: TokenBudget
  streams: Streams
}

/**
 * The routes for questions in one dialect. Ollama answers a question with one JSON object. If the
 * reader disconnects, the request to Ollama is aborted.
 */
export function questions({ dialect, body, upstream, budget, streams }: QuestionsOptions) {
  const app = createRoutes()
  for (const [route, toPlan] of Object.entries(dialect.questions)) {
    const [method, path] = route.split(' ') as [string, string]
    app.on(method, [path], body, async (c) => {
      const { question, toAnswer, ignored } = toPlan({
        params: c.req.param(),
        prefer: c.req.header('prefer'),
        body: c.var.body,
      })
      for (const [name, value] of Object.entries(toIgnoredHeader(c, ignored))) c.header(name, value)
      const { entry } = c.var
      entry.surface = dialect.name
      const reserving = isInference(question) ? budget.reserve(c, () => toEstimate(c)) : undefined
      const tokens = reserving && (await reserving)
      let stream
      try {
        stream = startStream(c, streams)
        const answer = await upstream.ask(question, { signal: stream.signal, ...toCaller(c), onSent: tokens?.onSent })
        if (isInference(question)) addUsage(entry, question, answer)
        tokens?.settle(entry.tokens_in === undefined ? undefined : entry.tokens_in + (entry.tokens ?? 0))
        addDefaultModel(c, answer)
        for (const [name, value] of Object.entries(toHostHeader(c))) c.header(name, value)
        return toAnswer ? c.json(toAnswer(answer)) : toVerbatim(c, answer)
      } catch (error) {
        // Ollama has read nothing if it has refused the question.
        tokens?.settle(error instanceof ServiceError && error.code.startsWith('upstream_') ? 0 : undefined)
        throw error
      } finally {
        stream?.end()
      }
    })
  }
  return app
}

/** A question has no answer in tokens. */
const toEstimate = (c: Context<Env>) => ({ input: estimateInput(c.var.bodyBytes), output: 0 })

/**
 * Adds to the log what a model has computed. An embedding has `prompt_eval_count`, and no tokens of
 * its own. System One has `usage` (`SystemOneUsage` of ollama-js 0.6.4). The model is the one of the
 * request, because a broken host may answer with any text in its place.
 */
function addUsage(entry: Entry, question: Question, { value: { prompt_eval_count, usage } }: Answer) {
  if ('body' in question && typeof question.body.model === 'string') entry.model = question.body.model
  const { input_tokens, output_tokens }: Answer['value'] = isObject(usage) ? usage : { input_tokens: prompt_eval_count }
  const [tokensIn, tokensOut] = [toTokens(input_tokens), toTokens(output_tokens)]
  if (tokensIn !== undefined) entry.tokens_in = tokensIn
  if (tokensOut !== undefined) entry.tokens = tokensOut
}

/**
 * Adds the headers that name the default model. The name is URI-encoded, because it may contain
 * characters that a header cannot contain.
 */
function addDefaultModel(c: Context, { defaultModel }: Answer) {
  if (!defaultModel?.isWellFormed()) return
  c.header('preference-applied', 'default-model')
  c.header('x-sluice-default-model', encodeURI(defaultModel))
}

/**
 * Returns Ollama's own text, with its numbers and spacing unchanged. The text is empty after copy
 * and delete.
 */
function toVerbatim(c: Context, { text }: Answer): Response {
  return text === '' ? c.body(null) : c.body(text, 200, { 'content-type': 'application/json; charset=utf-8' })
}
