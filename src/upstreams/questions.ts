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

/** The limit of an answer. The largest answers are embeddings of many long inputs. */
const maxAnswerBytes = 67_108_864

/**
 * Asks the small questions through Ollama's own client, on top of our exchange. So a question can
 * be aborted and takes a limited time, and a failure is a ServiceError before the client sees it.
 * The client comes from `ollama/browser`, because the root entry reads files that a request names.
 */
export function createAsk({ exchange, embedTimeoutMs }: { exchange: Exchange; embedTimeoutMs: number }): Upstream['ask'] {
  return (question, { signal: own, trace }) =>
    withinLimit(toLimit(question, embedTimeoutMs), own, async (signal) => {
      const isEmpty = question.about === 'copy' || question.about === 'delete'
      let text = ''
      const client = new Ollama({
        // The client needs a URL, of which only the path is used. The client's own body is
        // ignored, because the exchange writes the body of the question.
        host: 'http://ollama',
        async fetch(url, init) {
          const path = new URL(url as string).pathname as UpstreamPath
          const method = (init?.method ?? 'GET') as UpstreamRequest['method']
          const { flow } = await exchange({ path, method, isEmpty, trace, ...toBody(question) }, signal)
          text = await readAll(flow, maxAnswerBytes)
          // The answer is parsed below, because the client would change its numbers.
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

/** How long a question may take, in milliseconds. 0 means no limit. */
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
