import { ServiceError } from '../errors.ts'
import { isObject, parseExact } from '../exact-json.ts'
import type { Exchange, ExchangeRequest } from './exchange.ts'
import { readAll } from './read-all.ts'
import { withinLimit } from './time-limit.ts'
import { isInference, type Answer, type Question, type Upstream } from './upstream.ts'

/**
 * The largest answer that is accepted, in bytes. The largest answers are embeddings of many long
 * inputs.
 */
const maxAnswerBytes = 67_108_864

interface QuestionRoute extends Pick<ExchangeRequest, 'path' | 'method' | 'isEmpty'> {
  /** How long the answer may take, in milliseconds. 0 means no limit. */
  readonly limitMs: number
}

/**
 * Creates the function that sends small questions to Ollama. A question can be aborted, and its
 * time is limited.
 */
export function createAsk({ exchange, embedTimeoutMs }: { exchange: Exchange; embedTimeoutMs: number }): Upstream['ask'] {
  const limitMs = 10_000
  const routes: Readonly<Record<Question['about'], QuestionRoute>> = {
    tags: { path: '/api/tags', limitMs },
    ps: { path: '/api/ps', limitMs },
    version: { path: '/api/version', limitMs: 2000 },
    show: { path: '/api/show', limitMs },
    embed: { path: '/api/embed', limitMs: embedTimeoutMs },
    embeddings: { path: '/api/embeddings', limitMs: embedTimeoutMs },
    systemone: { path: '/v1/systemone', limitMs: embedTimeoutMs },
    copy: { path: '/api/copy', isEmpty: true, limitMs },
    delete: { path: '/api/delete', method: 'DELETE', isEmpty: true, limitMs },
  }

  return (question, { signal: caller, trace, onSent }) => {
    const { limitMs, ...route } = routes[question.about]
    const body = 'body' in question ? question.body : undefined
    return withinLimit(limitMs, caller, async (signal) => {
      if (isInference(question)) onSent?.()
      const { flow } = await exchange({ ...route, body, trace }, signal)
      const text = await readAll(flow, maxAnswerBytes)
      return { text, value: route.isEmpty ? {} : parseAnswer(text) }
    })
  }
}

/** @throws ServiceError `upstream_protocol` if the text is not one JSON object */
function parseAnswer(text: string): Answer['value'] {
  let value: unknown
  try {
    value = parseExact(text)
  } catch (cause) {
    throw new ServiceError('upstream_protocol', 'Cannot read the answer of Ollama: it is not JSON', { cause })
  }
  if (isObject(value)) return value
  throw new ServiceError('upstream_protocol', 'Cannot read the answer of Ollama: it is not a JSON object')
}
