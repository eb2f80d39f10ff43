import { isObject } from '../../exact-json.ts'
import type { ToolCall } from '../../encoders/tool-calls.ts'
import { toText } from '../history.ts'
import type { Ignored } from '../ignored.ts'
import type { OllamaTool, ToolChoice } from '../tool-choice.ts'

/**
 * A tool of the client that was converted into a function for Ollama. When the model calls the
 * function, the call is converted back into a call of this tool.
 */
export interface Origin {
  readonly kind: 'function' | 'custom' | 'search'
  readonly name: string
  /** The namespace of the function. Only the Responses API has namespaces. */
  readonly namespace: string | undefined
}

/** The origins of the tools, by the names under which Ollama offers the tools to the model. */
export type Origins = ReadonlyMap<string, Origin>

export interface Tools {
  readonly offered: readonly OllamaTool[]
  readonly origins: Origins
}

/** The fields of a function or a custom tool. Chat and Responses have them at different depths. */
export type ToolFields = Readonly<Record<string, unknown>>

/** Gathers the tools of a request. A tool that cannot become a function is left out. */
export function createTools(ignored: Ignored) {
  const offered: OllamaTool[] = []
  const origins = new Map<string, Origin>()

  /** The model cannot distinguish two tools with the same name, so the second is left out. */
  function offer(path: string, kind: Origin['kind'], { name, description, parameters }: ToolFields, namespace?: string) {
    if (typeof name !== 'string' || name === '') return ignored.add(path)
    const joined = toJoinedName(namespace, name)
    if (origins.has(joined)) return ignored.add(path)
    origins.set(joined, { kind, name, namespace })
    const text = typeof description === 'string' ? { description } : {}
    const schema = isObject(parameters) ? parameters : { type: 'object', properties: {} }
    offered.push({ type: 'function', function: { name: joined, ...text, parameters: schema } })
  }

  return {
    tools: { offered, origins } satisfies Tools,
    function(tool: ToolFields, path: string, namespace?: string) {
      // Ollama does not enforce the schema of a tool.
      if (tool.strict === true) ignored.add(`${path}.strict`)
      offer(path, 'function', tool, namespace)
    },
    /**
     * The input of a custom tool is a text. Ollama cannot enforce the grammar of this text, so the
     * grammar becomes a part of the description.
     */
    custom({ name, description, format }: ToolFields, path: string, namespace?: string) {
      const { syntax, definition } = isObject(format) ? format : {}
      const hasGrammar = typeof definition === 'string'
      if (hasGrammar) ignored.add(`${path}.format`)
      const rule = hasGrammar ? `The input follows this grammar (${syntax === 'regex' ? 'regex' : 'lark'}):\n${definition}` : ''
      const combined = [description, rule].filter((text) => typeof text === 'string' && text !== '').join('\n\n')
      offer(path, 'custom', { name, description: combined, parameters: customParameters }, namespace)
    },
    /** Adds a tool search that the client itself runs, as Codex does. */
    search(tool: ToolFields, path: string) {
      offer(path, 'search', { ...tool, name: 'tool_search' })
    },
  }
}

const customParameters = { type: 'object', properties: { input: { type: 'string' } }, required: ['input'] }

/**
 * The name under which the model sees a tool. It includes the namespace, because two namespaces may
 * have tools with the same name.
 */
export function toJoinedName(namespace: unknown, name: string): string {
  return typeof namespace === 'string' && namespace !== '' ? `${namespace}__${name}` : name
}

/** Converts a call of the model into the format of OpenAI's chat. */
export function toChatToolCall({ id, name, input, arguments: text }: ToolCall, origins: Origins) {
  if (origins.get(name)?.kind !== 'custom') return { id, type: 'function', function: { name, arguments: text } }
  return { id, type: 'custom', custom: { name, input: toCustomInput(input) } }
}

/** Extracts the input text of a custom tool from the arguments of the model's call. */
export function toCustomInput(input: unknown): string {
  const { input: text } = isObject(input) ? input : {}
  return typeof text === 'string' ? text : JSON.stringify(input)
}

/** Converts the input text of an earlier call of a custom tool into arguments for Ollama. */
export function toCustomArguments(input: unknown): object {
  return { input: toText(input) }
}

/** Parses `tool_choice`, in the forms of chat and of Responses. An unknown text is ignored. */
export function toChoice(choice: unknown, ignored: Ignored): ToolChoice {
  const kind = isObject(choice) ? choice.type : choice
  if (kind === 'none') return { only: [], isDemanded: false }
  if (kind === 'required') return { isDemanded: true }
  if (kind === 'auto' || choice === undefined) return { isDemanded: false }
  if (!isObject(choice)) {
    ignored.add('tool_choice')
    return { isDemanded: false }
  }
  if (kind !== 'allowed_tools') return { only: [toName(choice)], isDemanded: true }
  const { mode, tools } = isObject(choice.allowed_tools) ? choice.allowed_tools : choice
  return { only: (Array.isArray(tools) ? tools : []).map(toName), isDemanded: mode === 'required' }
}

/**
 * The name of a tool, or '' if it has none. A tool without a name, such as `web_search`, is not
 * offered.
 */
function toName(tool: unknown): string {
  const { name, namespace, function: fn, custom } = isObject(tool) ? tool : {}
  const found = [name, isObject(fn) ? fn.name : undefined, isObject(custom) ? custom.name : undefined]
  return toJoinedName(namespace, toText(found.find((value) => typeof value === 'string')))
}
