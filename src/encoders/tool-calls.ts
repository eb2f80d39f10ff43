import type { OllamaChunk } from '../generation.ts'

/** A call that a model makes, as the other dialects tell it. */
export interface ToolCall {
  /** Unique within a conversation, and fit for every client: letters, digits, `_` and `-`. */
  readonly id: string
  readonly name: string
  /** JSON text: clients parse it themselves; Ollama gives an object. */
  readonly arguments: string
}

/**
 * The calls of one line, which come whole (docs/ollama.md §1). Ollama's own ids are kept, where it has any; others are made of the request's,
 * and `first`, how many calls came before in this answer.
 */
export function toToolCalls({ message }: OllamaChunk, requestId: string, first: number): ToolCall[] {
  const calls = (message?.tool_calls ?? []) as readonly OllamaToolCall[]
  return calls.map(({ id, function: called }, i) => ({
    id: id || `call_${toIdPart(requestId)}_${first + i}`,
    name: called?.name ?? '',
    arguments: JSON.stringify(called?.arguments ?? {}),
  }))
}

/** A request id may hold dots; other APIs' ids may not. */
export function toIdPart(requestId: string): string {
  return requestId.replaceAll('.', '_')
}

interface OllamaToolCall {
  readonly id?: string
  readonly function?: { readonly name?: string; readonly arguments?: unknown }
}
