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
  /** Names of the tools; absent: all. */
  readonly only?: readonly string[]
  /** Whether an answer without a call is a failure. */
  readonly isDemanded: boolean
}

/**
 * The tools that are offered; undefined if none are. Ollama cannot make a model call one, so only
 * the chosen tools are offered, and `demanding` fails an answer without a call.
 * @param path of the choice in the request
 * @throws ServiceError `not_supported` if a demanded tool is not offered, or a call is demanded of
 * a stream
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

/** An answer in one piece that is a failure if the model calls no tool. */
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
