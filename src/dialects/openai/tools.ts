import * as v from 'valibot'
import { anyObject, string } from '../fields.ts'
import { notSupported } from '../not-supported.ts'

const tool = v.variant(
  'type',
  [
    v.object({
      type: v.literal('function'),
      function: v.object({ name: v.string(), description: string, parameters: v.nullish(anyObject) }),
    }),
    v.object({ type: v.literal('custom') }),
  ],
  'Expected "function"',
)
export const tools = v.nullish(v.array(tool))

export const toolChoice = v.nullish(v.union([v.picklist(['auto', 'none', 'required']), anyObject], 'Expected "auto" or "none"'))

/** The tools that are offered; undefined for none. @throws ServiceError `not_supported` */
export function toTools(tools: readonly v.InferOutput<typeof tool>[] | null | undefined, choice: unknown) {
  const offered = (tools ?? []).map((tool, i) => {
    if (tool.type === 'custom') throw notSupported(`tools.${i}`, 'describe it as a function')
    const { name, description, parameters } = tool.function
    // Without parameters it takes none: Ollama wants to be told so.
    return { type: 'function', function: { name, description, parameters: parameters ?? { type: 'object', properties: {} } } }
  })
  return offered.length > 0 && choice !== 'none' ? offered : undefined
}
