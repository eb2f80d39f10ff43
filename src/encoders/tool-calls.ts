import type { OllamaChunk } from '../generation.ts'

/** A tool call of a model, as the other dialects need it. */
export interface ToolCall {
  /**
   * Unique within a conversation. It has only letters, digits, `_` and `-`, because some clients
   * allow no other characters.
   */
  readonly id: string
  readonly name: string
  /** The arguments as a value. */
  readonly input: unknown
  /** The same arguments as JSON text. */
  readonly arguments: string
}

/**
 * The tool calls of one line. Ollama never splits a call (docs/ollama.md#1-stream). A call keeps
 * Ollama's id if it has one. If not, its id is made of the request's id and a number. The numbers
 * begin at `first`, which is how many calls came before in this answer.
 */
export function toToolCalls({ message }: OllamaChunk, requestId: string, first: number): ToolCall[] {
  const calls = (message?.tool_calls ?? []) as readonly OllamaToolCall[]
  return calls.map(({ id, function: called }, i) => {
    const input = called?.arguments ?? {}
    return {
      id: id || `call_${toIdPart(requestId)}_${first + i}`,
      name: called?.name ?? '',
      input,
      arguments: JSON.stringify(input),
    }
  })
}

/**
 * A request's id as a part of another id. Dots are replaced, because the ids of other APIs may
 * not hold any.
 */
export function toIdPart(requestId: string): string {
  return requestId.replaceAll('.', '_')
}

interface OllamaToolCall {
  readonly id?: string
  readonly function?: { readonly name?: string; readonly arguments?: unknown }
}
