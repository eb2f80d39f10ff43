import { isObject } from '../../../exact-json.ts'
import type { Ignored } from '../../ignored.ts'
import { createTools, type Tools } from '../tools.ts'
import type { ResponsesRequest } from './schema.ts'

/**
 * Input items that contain tools. Codex, for example, adds tools in the middle of a conversation.
 */
const toolItems = new Set<unknown>(['additional_tools', 'tool_search_output'])

/** Collects the tools of a request from `tools` and from its input items. */
export function toTools(requestTools: ResponsesRequest['tools'], input: ResponsesRequest['input'], ignored: Ignored): Tools {
  const collection = createTools(ignored)

  function add(tool: unknown, path: string, namespace?: string) {
    if (!isObject(tool)) return ignored.add(path)
    if (tool.type === 'function') collection.function(tool, path, namespace)
    else if (tool.type === 'custom') collection.custom(tool, path, namespace)
    else if (tool.type === 'tool_search' && tool.execution === 'client') collection.search(tool, path)
    else if (tool.type === 'namespace' && namespace === undefined && typeof tool.name === 'string')
      addAll(tool.tools, path, tool.name)
    else ignored.add(path)
  }

  function addAll(tools: unknown, path: string, namespace?: string) {
    if (Array.isArray(tools)) for (const [i, tool] of tools.entries()) add(tool, `${path}.tools.${i}`, namespace)
  }

  for (const [i, tool] of (requestTools ?? []).entries()) add(tool, `tools.${i}`)
  if (typeof input !== 'string')
    for (const [i, { type, tools }] of input.entries()) if (toolItems.has(type)) addAll(tools, `input.${i}`)
  return collection.tools
}
