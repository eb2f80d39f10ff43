import { notSupported } from '../not-supported.ts'
import type { ResponsesRequest } from './schema.ts'

/** The functions that are offered, as Ollama's tools; undefined for none. @throws ServiceError `not_supported` for other tools */
export function toTools({ tools, tool_choice: choice }: ResponsesRequest): object[] | undefined {
  const offered = (tools ?? []).map((tool, i) => {
    if (tool.type === 'other') throw notSupported(`tools.${i}.type`, 'only functions can be called')
    const { name, description, parameters } = tool
    return {
      type: 'function',
      function: {
        name,
        description: description ?? undefined,
        // Without parameters it takes none: Ollama wants to be told so.
        parameters: parameters ?? { type: 'object', properties: {} },
      },
    }
  })
  return offered.length > 0 && choice !== 'none' ? offered : undefined
}
