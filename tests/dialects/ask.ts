import { createDialects } from '../../src/dialects.ts'
import type { GenerationPlan } from '../../src/dialects/dialect.ts'

export type Json = Readonly<Record<string, unknown>>

const generations = Object.assign({}, ...createDialects({ management: false }).map((dialect) => dialect.generations)) as Record<
  string,
  (request: { accept: undefined; canCut: boolean; body: Json }) => GenerationPlan
>

/** What a dialect makes of a request: the call, as the JSON that Ollama gets, and what the header names. */
export function ask(path: string, body: Json) {
  const { call, encoder, ignored } = generations[path]!({ accept: undefined, canCut: true, body })
  return { call, encoder, body: JSON.parse(JSON.stringify(call.body)) as Json, header: ignored?.toHeader() }
}

/** Without what runs: the request that Ollama gets, and what the header names. */
export const toMade = ({ body, header }: ReturnType<typeof ask>) => ({ body, header })
