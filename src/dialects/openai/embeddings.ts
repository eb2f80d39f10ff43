import * as v from 'valibot'
import { ServiceError } from '../../errors.ts'
import { toNumber, type ExactNumber } from '../../exact-json.ts'
import type { Answer } from '../../upstreams/upstream.ts'
import type { QuestionPlan, QuestionRequest } from '../dialect.ts'
import { integer, keep_alive, modelName, present } from '../to-ollama.ts'
import { createIgnored } from '../ignored.ts'
import { readRequest, type FieldRules } from '../read-request.ts'
import { texts, toTexts } from './texts.ts'

const schema = v.object({
  model: modelName,
  input: texts,
  encoding_format: v.nullish(v.picklist(['float', 'base64'], 'Expected "float" or "base64"')),
  dimensions: integer,
  keep_alive,
})

export const rules: FieldRules<typeof schema.entries> = {
  schema,
  needed: ['model', 'input', 'encoding_format', 'dimensions'],
  hints: ['user'],
}

/** Converts texts into vectors: https://platform.openai.com/docs/api-reference/embeddings */
export function embeddings({ body }: QuestionRequest): QuestionPlan {
  const ignored = createIgnored()
  const { model, input, encoding_format: format, dimensions, keep_alive } = readRequest(body, rules, ignored)
  const toVector = format === 'base64' ? toBase64 : (vector: readonly ExactNumber[]) => vector
  return {
    ignored,
    question: { about: 'embed', body: present({ model, input: toTexts(input, 'input'), dimensions, keep_alive }) },
    toAnswer({ value }) {
      const data = toVectors(value).map((vector, index) => ({ object: 'embedding', index, embedding: toVector(vector) }))
      const prompt_tokens = toNumber(value.prompt_eval_count ?? 0)
      return { object: 'list', data, model: value.model ?? model, usage: { prompt_tokens, total_tokens: prompt_tokens } }
    },
  }
}

function toVectors({ embeddings }: Answer['value']): readonly (readonly ExactNumber[])[] {
  if (Array.isArray(embeddings)) return embeddings as ExactNumber[][]
  throw new ServiceError('upstream_protocol', 'Cannot read the answer of Ollama: it has no embeddings')
}

/** Encodes a vector as little-endian 32-bit floats in base64, as OpenAI's clients expect. */
function toBase64(vector: readonly ExactNumber[]): string {
  const view = new DataView(new ArrayBuffer(vector.length * 4))
  for (const [i, value] of vector.entries()) view.setFloat32(i * 4, toNumber(value), true)
  let binary = ''
  for (const byte of new Uint8Array(view.buffer)) binary += String.fromCharCode(byte)
  return btoa(binary)
}
