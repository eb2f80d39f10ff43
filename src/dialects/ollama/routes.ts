import type { Encoder } from '../encoders/encoder.ts'
import type { GenerationCall } from '../generation.ts'
import type { Question } from '../upstreams/upstream.ts'
import type { Dialect, GenerationPlan, GenerationRequest, QuestionPlan, QuestionRequest } from './dialect.ts'
import {
  chatRequest,
  copyRequest,
  deleteRequest,
  embeddingsRequest,
  embedRequest,
  generateRequest,
  progressRequest,
  showRequest,
} from './ollama-requests.ts'
import { parse } from './parse.ts'

export interface OllamaApiOptions {
  /** Where the routes are: in front of `/api/…`. */
  prefix: '' | `/${string}`
  /** Whether models may be pulled, pushed, created, copied and deleted here. */
  management: boolean
  toFraming(request: FramingRequest): Encoder
}

/** What decides how an answer is framed. */
export interface FramingRequest {
  readonly stream: boolean
  readonly accept: string | undefined
  readonly prefer: string | undefined
  readonly canCut: boolean
  readonly call: GenerationCall
}

/** Ollama's own routes: its requests, checked and passed through (docs/protocol.md §1 and §2). */
export function ollamaApi({ prefix, management, toFraming }: OllamaApiOptions): Pick<Dialect, 'generations' | 'questions'> {
  const plan = (
    call: GenerationCall,
    stream: boolean | null | undefined,
    { accept, prefer, canCut }: GenerationRequest,
  ): GenerationPlan => ({
    call,
    encoder: toFraming({ stream: stream ?? true, accept, prefer, canCut, call }),
  })
  const generation = (endpoint: 'generate' | 'chat') => (request: GenerationRequest) => {
    const { body } = request
    const { model, stream } = parse(endpoint === 'chat' ? chatRequest : generateRequest, body)
    return plan({ endpoint, model: model ?? undefined, body }, stream, request)
  }
  const progress = (endpoint: 'pull' | 'push' | 'create') => (request: GenerationRequest) => {
    const { body } = request
    const { model, name, stream } = parse(progressRequest, body)
    return plan({ endpoint, model: (model ?? name)!, body }, stream, request)
  }
  return {
    generations: {
      [`${prefix}/api/generate`]: generation('generate'),
      [`${prefix}/api/chat`]: generation('chat'),
      ...(management && {
        [`${prefix}/api/pull`]: progress('pull'),
        [`${prefix}/api/push`]: progress('push'),
        [`${prefix}/api/create`]: progress('create'),
      }),
    },
    questions: {
      [`GET ${prefix}/api/tags`]: plainly('tags'),
      [`GET ${prefix}/api/ps`]: plainly('ps'),
      [`GET ${prefix}/api/version`]: plainly('version'),
      [`POST ${prefix}/api/show`]: asking('show', showRequest),
      [`POST ${prefix}/api/embed`]: asking('embed', embedRequest),
      [`POST ${prefix}/api/embeddings`]: asking('embeddings', embeddingsRequest),
      ...(management && {
        [`POST ${prefix}/api/copy`]: asking('copy', copyRequest),
        [`DELETE ${prefix}/api/delete`]: asking('delete', deleteRequest),
      }),
    },
  }
}

function plainly(about: 'tags' | 'ps' | 'version') {
  return (): QuestionPlan => ({ question: { about } })
}

function asking(about: Extract<Question, { body: unknown }>['about'], schema: Parameters<typeof parse>[0]) {
  return ({ body }: QuestionRequest): QuestionPlan => {
    parse(schema, body)
    return { question: { about, body } }
  }
}
