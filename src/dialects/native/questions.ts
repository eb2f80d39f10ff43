import type { Question } from '../../upstreams/upstream.ts'
import { parse } from '../parse.ts'
import { embeddingsRequest, embedRequest, showRequest } from './schema.ts'

const schemas = { show: showRequest, embed: embedRequest, embeddings: embeddingsRequest }

/** @throws ServiceError `invalid_request` */
export function parseQuestion(about: keyof typeof schemas, body: Readonly<Record<string, unknown>>): Question {
  parse(schemas[about], body)
  return { about, body }
}
