import { isObject } from '../../exact-json.ts'
import { toText } from '../history.ts'
import type { Ignored } from '../ignored.ts'
import type { OllamaTool, ToolChoice } from '../tool-choice.ts'
import type { MessagesRequest } from './schema.ts'

/**
 * The tools that are offered to the model. A tool that Anthropic defines, such as
 * `web_search_20250305`, has no schema in the request, so it is left out.
 */
export function toTools({ tools, messages }: MessagesRequest, ignored: Ignored): OllamaTool[] {
  const offered = new Map<string, OllamaTool>()
  const isDeferred = createDeferral(tools ?? [], messages)
  for (const [i, tool] of (tools ?? []).entries()) {
    const { name, description, input_schema: parameters, type, strict } = isObject(tool) ? tool : {}
    const isClientTool = type === undefined || type === null || type === 'custom'
    // The model cannot distinguish two tools with the same name, so the second is left out.
    if (!isClientTool || typeof name !== 'string' || name === '' || offered.has(name) || !isObject(parameters)) {
      ignored.add(`tools.${i}`)
      continue
    }
    // Ollama does not enforce the schema of a tool.
    if (strict === true) ignored.add(`tools.${i}.strict`)
    if (isDeferred(tool, name)) continue
    const text = typeof description === 'string' ? { description } : {}
    offered.set(name, { type: 'function', function: { name, ...text, parameters } })
  }
  return [...offered.values()]
}

/**
 * Returns a function that tells whether a tool with `defer_loading` is still hidden from the model.
 * If the client runs the tool search itself, such a tool is hidden until a search result contains
 * its `tool_reference`. If the client expects Anthropic's servers to run the search, no tool is
 * hidden, because Sluice cannot run the search.
 */
function createDeferral(tools: readonly unknown[], messages: MessagesRequest['messages']) {
  const hasServerSearch = tools.some((tool) => isObject(tool) && toText(tool.type).startsWith('tool_search_tool'))
  const found = new Set(messages.flatMap(({ content }) => toReferences(content)))
  return (tool: unknown, name: string) => isObject(tool) && tool.defer_loading === true && !hasServerSearch && !found.has(name)
}

function toReferences(content: unknown): unknown[] {
  if (!Array.isArray(content)) return []
  return content.flatMap((block) => {
    if (!isObject(block)) return []
    if (block.type === 'tool_reference') return [block.tool_name]
    return block.type === 'tool_result' ? toReferences(block.content) : []
  })
}

/** https://docs.claude.com/en/docs/agents-and-tools/tool-use/implement-tool-use */
export function toChoice(choice: MessagesRequest['tool_choice'], ignored: Ignored): ToolChoice {
  const { type, name, disable_parallel_tool_use: isSingle }: NonNullable<typeof choice> = choice ?? { type: 'auto' }
  // Ollama cannot limit a model to a single call.
  if (isSingle === true) ignored.add('tool_choice.disable_parallel_tool_use')
  if (type === 'none') return { only: [], isDemanded: false }
  if (type === 'tool') return { only: [toText(name)], isDemanded: true }
  if (type !== 'auto' && type !== 'any') ignored.add('tool_choice.type')
  return { isDemanded: type === 'any' }
}
