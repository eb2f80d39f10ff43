import { createDialects } from '../../src/dialects.ts'
import type { GenerationPlan } from '../../src/dialects/dialect.ts'

export type Json = Readonly<Record<string, unknown>>

const generations = Object.assign({}, ...createDialects({ management: false }).map((dialect) => dialect.generations)) as Record<
  string,
  (request: { accept: undefined; canCut: boolean; body: Json }) => GenerationPlan
>

/**
 * Translates a request of the dialect at `path`. Returns the call and its encoder, the JSON body
 * for Ollama, and the header that lists ignored fields.
 */
export function ask(path: string, body: Json) {
  const { call, encoder, ignored } = generations[path]!({ accept: undefined, canCut: true, body })
  return { call, encoder, body: JSON.parse(JSON.stringify(call.body)) as Json, header: ignored?.toHeader() }
}

/** Returns only the JSON body for Ollama and the header. */
export const toMade = ({ body, header }: ReturnType<typeof ask>) => ({ body, header })
