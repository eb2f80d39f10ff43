import {
  Ollama,
  type CopyRequest,
  type DeleteRequest,
  type EmbeddingsRequest,
  type EmbedRequest,
  type ShowRequest,
  type SystemOneRequest,
} from 'ollama/browser'
import { ServiceError } from '../errors.ts'
import { isObject, parseExact } from '../exact-json.ts'
import type { Exchange, UpstreamPath } from './exchange.ts'
import type { UpstreamRequest } from './connect.ts'
import { readAll } from './read-all.ts'
import { withinLimit } from './time-limit.ts'
import { isInference, type Answer, type Question, type Upstream } from './upstream.ts'

/** An embedding of many long inputs is the largest answer; a bound all the same. */
const maxAnswerBytes = 67_108_864

/**
 * The small questions, asked through Ollama's own client on top of our exchange: it can be aborted, it takes a limited time, and a
 * failure is already a ServiceError when the client sees it. `ollama/browser`, because the root entry reads files that a request names.
 */
export function createAsk({ exchange, embedTimeoutMs }: { exchange: Exchange; embedTimeoutMs: number }): Upstream['ask'] {
  return (question, { signal: own, trace }) =>
    withinLimit(toLimit(question, embedTimeoutMs), own, async (signal) => {
      const isEmpty = question.about === 'copy' || question.about === 'delete'
      let text = ''
      const client = new Ollama({
        // The client wants a URL: only its path matters. Its body is the question's, which the exchange writes itself.
        host: 'http://ollama',
        async fetch(url, init) {
          const path = new URL(url as string).pathname as UpstreamPath
          const method = (init?.method ?? 'GET') as UpstreamRequest['method']
          const { flow } = await exchange({ path, method, isEmpty, trace, ...toBody(question) }, signal)
          text = await readAll(flow, maxAnswerBytes)
          // The client would change numbers of the answer, so the answer is parsed here.
          return new Response('{}')
        },
      })
      try {
        await send(client, question)
        return { text, value: isEmpty ? {} : assertObject(parseExact(text)) }
      } catch (cause) {
        signal.throwIfAborted()
        if (cause instanceof ServiceError) throw cause
        throw new ServiceError('upstream_protocol', 'Cannot read the answer of Ollama: it is not JSON', { cause })
      }
    })
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
    case 'systemone':
      return client.systemone(question.body as unknown as SystemOneRequest)
    case 'copy':
      return client.copy(question.body as unknown as CopyRequest)
    case 'delete':
      return client.delete(question.body as unknown as DeleteRequest)
  }
}

/** Milliseconds. */
function toLimit(question: Question, embedTimeoutMs: number): number {
  if (isInference(question)) return embedTimeoutMs
  return question.about === 'version' ? 2000 : 10_000
}

function toBody(question: Question): { body?: unknown } {
  return 'body' in question ? { body: question.body } : {}
}

function assertObject(value: unknown): Answer['value'] {
  if (isObject(value)) return value
  throw new ServiceError('upstream_protocol', 'Cannot read the answer of Ollama: it is not a JSON object')
}
