/** A function that is offered. Chat and Responses have its fields at different depths. */
export interface FunctionTool {
  readonly name: string
  readonly description?: string | null | undefined
  readonly parameters?: object | null | undefined
}

/**
 * The tools that are offered, as Ollama's; undefined if there are none or if none may be called.
 * @param toFunction gives the function of a tool, or throws for a tool that is no function
 */
export function toTools<TTool>(
  tools: readonly TTool[] | null | undefined,
  choice: unknown,
  toFunction: (tool: TTool, path: string) => FunctionTool,
): object[] | undefined {
  const offered = (tools ?? []).map((tool, i) => toTool(toFunction(tool, `tools.${i}`)))
  return offered.length > 0 && choice !== 'none' ? offered : undefined
}

/** A function without `parameters` takes no arguments, and Ollama needs a schema that says so. */
function toTool({ name, description, parameters }: FunctionTool): object {
  return {
    type: 'function',
    function: { name, description: description ?? undefined, parameters: parameters ?? { type: 'object', properties: {} } },
  }
}
