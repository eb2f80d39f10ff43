import { ServiceError } from '../errors.ts'
import type { Encoder } from '../encoders/encoder.ts'
import { refused } from './refusals.ts'

/** A tool as Ollama offers it to the model. */
export interface OllamaTool {
  readonly type: 'function'
  readonly function: { readonly name: string; readonly description?: string | undefined; readonly parameters: object }
}

/** Which of the offered tools the model may call, or must call. */
export interface ToolChoice {
  /** The names of the allowed tools. If absent, all tools are allowed. */
  readonly only?: readonly string[]
  /** Whether an answer without a tool call is a failure. */
  readonly isDemanded: boolean
}

/**
 * Returns the tools that are offered to the model, or undefined if there are none. Ollama cannot
 * force a model to call a tool. So only the allowed tools are offered, and `demanding` turns an
 * answer without a tool call into a failure.
 * @param path the path of the tool choice in the request
 * @throws ServiceError `not_supported` if a demanded tool is missing from `tools`, or if a tool
 * call is demanded in a stream
 */
export function toOffered(
  tools: readonly OllamaTool[],
  { only, isDemanded }: ToolChoice,
  { path, isStream }: { path: string; isStream: boolean },
): readonly OllamaTool[] | undefined {
  const chosen = only && new Set(only)
  const offered = chosen ? tools.filter((tool) => chosen.has(tool.function.name)) : tools
  if (isDemanded && offered.length < Math.max(1, chosen?.size ?? 0)) throw refused(path, 'tool')
  if (isDemanded && isStream) throw refused(path, 'call')
  return offered.length > 0 ? offered : undefined
}

/**
 * Wraps the encoder of an answer that is not streamed. The wrapper throws if the model calls no
 * tool.
 */
export function demanding(encoder: Encoder): Encoder {
  return {
    ...encoder,
    start(options) {
      const encode = encoder.start(options)
      let hasCall = false
      return (batch) => {
        for (const event of batch) {
          if (event.type === 'failed') break
          hasCall ||= (event.chunk.message?.tool_calls?.length ?? 0) > 0
          if (event.type === 'done' && !hasCall)
            throw new ServiceError('no_tool_call', 'The model did not call a tool, although tool_choice demands it; ask again')
        }
        encode(batch)
      }
    },
  }
}
