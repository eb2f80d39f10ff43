import type { Encoder } from '../../encoders/encoder.ts'
import { prefers } from '../../encoders/prefer.ts'
import type { GenerationCall } from '../../generation.ts'
import type { Question } from '../../upstreams/upstream.ts'
import type { Dialect, GenerationPlan, GenerationRequest, QuestionPlan, QuestionRequest } from '../dialect.ts'
import { parse } from '../issues.ts'
import { copyRequest, generationRequest, modelRequest, namedRequest, progressRequest } from './schema.ts'

export interface RoutesOptions {
  /** The part of the path before `/api/…`. */
  prefix: '' | `/${string}`
  /** Whether clients may pull, push, create, copy and delete models. */
  management: boolean
  toFraming(request: FramingRequest): Encoder
}

/** Everything that the choice of the encoder depends on. */
export interface FramingRequest extends Omit<GenerationRequest, 'body'> {
  readonly stream: boolean
  readonly call: GenerationCall
}

/**
 * The routes of Ollama's API. Requests are validated and passed on unchanged
 * (docs/protocol.md#2-native).
 */
export function toRoutes({ prefix, management, toFraming }: RoutesOptions): Pick<Dialect, 'generations' | 'questions'> {
  const plan = (call: GenerationCall, stream: boolean | null | undefined, request: GenerationRequest): GenerationPlan => ({
    call,
    encoder: toFraming({ ...request, stream: stream ?? true, call }),
  })
  const generation = (endpoint: 'generate' | 'chat') => (request: GenerationRequest) => {
    const { body } = request
    const { model, stream } = parse(generationRequest, body)
    return plan({ endpoint, model: model ?? undefined, body }, stream, request)
  }
  const progress = (endpoint: 'pull' | 'push' | 'create') => (request: GenerationRequest) => {
    const { body } = request
    const { model, name, stream } = parse(progressRequest, body)
    return plan({ endpoint, model: (model || name)!, body }, stream, request)
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
      [`GET ${prefix}/api/tags`]: toTags,
      [`GET ${prefix}/api/ps`]: withoutBody({ about: 'ps' }),
      [`GET ${prefix}/api/version`]: withoutBody({ about: 'version' }),
      [`POST ${prefix}/api/show`]: withBody('show', namedRequest),
      [`POST ${prefix}/api/embed`]: withBody('embed', modelRequest),
      [`POST ${prefix}/api/embeddings`]: withBody('embeddings', modelRequest),
      ...(management && {
        [`POST ${prefix}/api/copy`]: withBody('copy', copyRequest),
        [`DELETE ${prefix}/api/delete`]: withBody('delete', namedRequest),
      }),
    },
  }
}

/** With `Prefer: default-model`, the answer also names the default model. */
function toTags({ prefer }: QuestionRequest): QuestionPlan {
  return { question: { about: 'tags', ...(prefers('default-model', prefer) && { withDefault: true }) } }
}

function withoutBody(question: Question) {
  return (): QuestionPlan => ({ question })
}

/** Validates the body and passes it on unchanged. @throws ServiceError `invalid_request` */
export function withBody(about: Extract<Question, { body: unknown }>['about'], schema: Parameters<typeof parse>[0]) {
  return ({ body }: QuestionRequest): QuestionPlan => {
    parse(schema, body)
    return { question: { about, body } }
  }
}
