import { isObject } from './body.ts'
import { OllamaError } from './ollama-error.ts'
import { toSchemaValue } from './schema-value.ts'
import type { Random } from './seeded.ts'
import { createWords } from './words.ts'

/** @throws OllamaError 500 for a `format` that is neither `"json"` nor a schema; it comes from the runner, so late (captures/error-bad-format) */
export function checkFormat(format: unknown): void {
  if (format === undefined || format === '' || format === 'json' || isObject(format)) return
  const text = JSON.stringify(JSON.stringify(format))
  const message = `invalid format: ${text}; expected "json" or a valid JSON Schema object`
  throw new OllamaError(500, message, 'application/json')
}

/** An answer that is JSON: of a fixed shape for `"json"`, else a value that conforms to the schema. */
export function toFormatted(format: unknown, question: string, random: Random): string {
  const words = createWords(question)
  if (isObject(format)) return JSON.stringify(toSchemaValue(format, { words, random, requiredOnly: false }))
  return JSON.stringify({
    answer: 'This JSON was made up by the demo of Sluice',
    question,
    lucky_number: 1 + Math.floor(random() * 99),
  })
}
