import type { OllamaChunk } from '../generation.ts'

/** A tool call of the model, in a form for all dialects except Ollama's. */
export interface ToolCall {
  /**
   * Unique within a conversation. An id that Sluice creates contains only letters, digits, `_` and
   * `-`, because some clients reject other characters.
   */
  readonly id: string
  readonly name: string
  /** The arguments as a parsed value. */
  readonly input: unknown
  /** The same arguments as JSON text. */
  readonly arguments: string
}

/**
 * The tool calls of one line. Ollama never splits a call (docs/ollama.md#1-stream). If Ollama sent
 * an id, the call keeps it. Otherwise its id consists of the request id and a number.
 * @param first the number of the first call of this line. It equals the number of calls in all
 * earlier lines of this answer.
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
 * Converts a request id so that it can be part of another id. Dots are replaced, because ids in
 * other APIs must not contain dots.
 */
export function toIdPart(requestId: string): string {
  return requestId.replaceAll('.', '_')
}

interface OllamaToolCall {
  readonly id?: string
  readonly function?: { readonly name?: string; readonly arguments?: unknown }
}
