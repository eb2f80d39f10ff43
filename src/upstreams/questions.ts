import { Ollama, type EmbeddingsRequest, type EmbedRequest, type ShowRequest } from 'ollama/browser'
import { ServiceError } from '../errors.ts'
import type { Exchange, UpstreamPath } from './exchange.ts'
import { link } from './link.ts'
import { readAll } from './read-all.ts'
import type { JsonAnswer, Question, Upstream } from './upstream.ts'

/** An embedding of many long inputs is the largest answer; a bound all the same. */
const maxAnswerBytes = 67_108_864

/**
 * The small questions, asked through Ollama's own client on top of our exchange: it can be aborted, it takes a limited time, and a
 * failure is already a ServiceError when the client sees it. `ollama/browser`, because the root entry reads files that a request names.
 */
export function createAsk({ exchange, embedTimeoutMs }: { exchange: Exchange; embedTimeoutMs: number }): Upstream['ask'] {
  return async (question, { signal, trace }) => {
    const { controller, release } = link(signal)
    const limitMs = toLimit(question, embedTimeoutMs)
    const late = new ServiceError('first_token_timeout', `Ollama did not answer within ${limitMs / 1000} s`)
    const timer = limitMs > 0 ? setTimeout(() => controller.abort(late), limitMs) : undefined

    const client = new Ollama({
      // The client wants a URL: only its path matters. Its body is the question's, which the exchange writes itself.
      host: 'http://ollama',
      async fetch(url) {
        const path = new URL(url as string).pathname as UpstreamPath
        const body = 'body' in question ? { body: question.body } : {}
        const { flow } = await exchange({ path, trace, ...body }, controller.signal)
        return new Response(await readAll(flow, maxAnswerBytes))
      },
    })
    try {
      return toAnswer(await send(client, question))
    } catch (cause) {
      controller.signal.throwIfAborted()
      if (cause instanceof ServiceError) throw cause
      throw new ServiceError('upstream_protocol', 'Cannot read the answer of Ollama: it is not JSON', { cause })
    } finally {
      clearTimeout(timer)
      release()
      controller.abort()
    }
  }
}

function send(client: Ollama, question: Question): Promise<unknown> {
  switch (question.about) {
    case 'tags':
      return client.list()
    case 'ps':
      return client.ps()
    case 'version':
      return client.version()
    case 'show':
      return client.show(question.body as unknown as ShowRequest)
    case 'embed':
      return client.embed(question.body as unknown as EmbedRequest)
    case 'embeddings':
      return client.embeddings(question.body as unknown as EmbeddingsRequest)
  }
}

/** Milliseconds. An embedding may have to load its model first. */
function toLimit({ about }: Question, embedTimeoutMs: number): number {
  if (about === 'embed' || about === 'embeddings') return embedTimeoutMs
  return about === 'version' ? 2000 : 10_000
}

function toAnswer(value: unknown): JsonAnswer {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonAnswer
  throw new ServiceError('upstream_protocol', 'Cannot read the answer of Ollama: it is not a JSON object')
}
