import * as v from 'valibot'
import { anyObject } from '../fields.ts'

export const responseFormat = v.nullish(
  v.variant(
    'type',
    [
      v.object({ type: v.literal('text') }),
      v.object({ type: v.literal('json_object') }),
      v.object({ type: v.literal('json_schema'), json_schema: v.object({ schema: anyObject }) }),
    ],
    'Expected "text", "json_object" or "json_schema"',
  ),
)

/** Ollama's `format`; undefined leaves the answer free. */
export function toFormat(format: v.InferOutput<typeof responseFormat>): object | 'json' | undefined {
  if (format?.type === 'json_schema') return format.json_schema.schema
  return format?.type === 'json_object' ? 'json' : undefined
}
