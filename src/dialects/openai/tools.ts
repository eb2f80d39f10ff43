import * as v from 'valibot'
import type { ToolCall } from '../../encoders/tool-calls.ts'
import type { Ignored } from '../ignored.ts'
import { anyObject } from '../to-ollama.ts'
import type { OllamaTool, ToolChoice } from '../tool-choice.ts'

/** What a tool was before it became a function. Its calls go back in the shape of that. */
export interface Origin {
  readonly kind: 'function' | 'custom' | 'search'
  readonly name: string
  /** Responses has functions in namespaces. */
  readonly namespace?: string
}

/** By the names that Ollama offers. */
export type Origins = ReadonlyMap<string, Origin>

export interface Tools {
  readonly offered: readonly OllamaTool[]
  readonly origins: Origins
}

/** The fields of a function or a custom tool. Chat and Responses have them at different depths. */
export type ToolFields = Readonly<Record<string, unknown>>

/** Gathers the tools of a request. What is no function and cannot become one is left out. */
export function createTools(ignored: Ignored) {
  const offered: OllamaTool[] = []
  const origins = new Map<string, Origin>()

  const names = new Set<string>()

  /** Two tools of one name would be one to the model, so the second is left out. */
  function offer(path: string, { name, description, parameters }: ToolFields, origin?: Origin) {
    if (typeof name !== 'string' || name === '' || names.has(name)) return ignored.add(path)
    names.add(name)
    if (origin) origins.set(name, origin)
    const text = typeof description === 'string' ? { description } : {}
    const schema = v.is(anyObject, parameters) ? parameters : { type: 'object', properties: {} }
    offered.push({ type: 'function', function: { name, ...text, parameters: schema } })
  }

  return {
    tools: { offered, origins } satisfies Tools,
    function(tool: ToolFields, path: string, namespace?: string) {
      // Ollama does not hold a model to the schema of a tool.
      if (tool.strict === true) ignored.add(`${path}.strict`)
      const name = String(tool.name)
      if (namespace === undefined) offer(path, tool)
      else offer(path, { ...tool, name: toJoinedName(namespace, name) }, { kind: 'function', name, namespace })
    },
    /** A custom tool takes a text. Its grammar cannot be enforced, so the model reads it. */
    custom({ name, description, format }: ToolFields, path: string, namespace?: string) {
      const { syntax, definition } = v.is(anyObject, format) ? format : {}
      const hasGrammar = typeof definition === 'string'
      if (hasGrammar) ignored.add(`${path}.format`)
      const rule = hasGrammar ? `The input follows this grammar (${syntax === 'regex' ? 'regex' : 'lark'}):\n${definition}` : ''
      const words = [description, rule].filter((text) => typeof text === 'string' && text !== '').join('\n\n')
      const tool = { name: toJoinedName(namespace, name), description: words, parameters: customParameters }
      offer(path, tool, { kind: 'custom', name: String(name), ...(namespace !== undefined && { namespace }) })
    },
    /** The search for more tools, which Codex runs itself. */
    search(tool: ToolFields, path: string) {
      offer(path, { ...tool, name: 'tool_search' }, { kind: 'search', name: 'tool_search' })
    },
  }
}

const customParameters = { type: 'object', properties: { input: { type: 'string' } }, required: ['input'] }

/** The name that Ollama offers: two servers may have functions of one name. */
export function toJoinedName<TName>(namespace: unknown, name: TName): TName | string {
  return typeof namespace === 'string' && namespace !== '' ? `${namespace}__${String(name)}` : name
}

/** A call of a model as chat has it. */
export function toChatToolCall({ id, name, input, arguments: text }: ToolCall, origins: Origins) {
  if (origins.get(name)?.kind !== 'custom') return { id, type: 'function', function: { name, arguments: text } }
  return { id, type: 'custom', custom: { name, input: toCustomInput(input) } }
}

/** The text that a model gave to a custom tool. */
export function toCustomInput(input: unknown): string {
  const { input: text } = v.is(anyObject, input) ? input : {}
  return typeof text === 'string' ? text : JSON.stringify(input)
}

/** The arguments of a custom tool's call in the history. */
export function toCustomArguments(input: unknown): object {
  return { input: typeof input === 'string' ? input : JSON.stringify(input ?? '') }
}

/** `tool_choice`, in the forms of chat and of Responses. An unknown form is left out. */
export function toChoice(choice: unknown, ignored: Ignored): ToolChoice {
  if (choice === 'none') return { only: [], isDemanded: false }
  if (choice === 'required') return { isDemanded: true }
  if (v.is(anyObject, choice)) {
    const name = toName(choice)
    if (choice.type === 'allowed_tools') {
      const { mode, tools } = v.is(anyObject, choice.allowed_tools) ? choice.allowed_tools : choice
      return { only: toNames(tools), isDemanded: mode === 'required' }
    }
    // A tool without a name is one that was left out, such as `web_search`.
    return { only: [name ?? ''], isDemanded: true }
  }
  if (choice !== undefined && choice !== 'auto') ignored.add('tool_choice')
  return { isDemanded: false }
}

function toNames(tools: unknown): string[] {
  return (Array.isArray(tools) ? tools : []).flatMap((tool) => (v.is(anyObject, tool) ? [toName(tool) ?? ''] : []))
}

function toName({ name, function: fn, custom }: Readonly<Record<string, unknown>>): string | undefined {
  const found = [name, v.is(anyObject, fn) ? fn.name : undefined, v.is(anyObject, custom) ? custom.name : undefined]
  return found.find((value) => typeof value === 'string')
}
