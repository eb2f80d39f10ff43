import { createDialects } from '../../src/dialects.ts'
import type { GenerationPlan } from '../../src/dialects/dialect.ts'

export type Json = Readonly<Record<string, unknown>>

const generations = Object.assign({}, ...createDialects({ management: false }).map((dialect) => dialect.generations)) as Record<
  string,
  (request: { accept: undefined; canCut: boolean; body: Json }) => GenerationPlan
>

/**
 * Translates a request by its dialect: the call, as the JSON that Ollama gets, and the names in
 * the header.
 */
export function ask(path: string, body: Json) {
  const { call, encoder, ignored } = generations[path]!({ accept: undefined, canCut: true, body })
  return { call, encoder, body: JSON.parse(JSON.stringify(call.body)) as Json, header: ignored?.toHeader() }
}

/** Returns only the data: the request that Ollama gets, and the names in the header. */
export const toMade = ({ body, header }: ReturnType<typeof ask>) => ({ body, header })
