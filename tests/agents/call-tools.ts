import { toDeltaLine, toDoneLine } from '#fake-ollama/ollama-lines.ts'
import { lines } from '#fake-ollama/scripts.ts'
import type { Script } from '#fake-ollama/upstream.ts'

/** A message in a request to Ollama. */
export interface Message {
  readonly role: string
  readonly content: string
  readonly thinking?: string
  readonly tool_calls?: readonly { readonly function: Call }[]
}

/** A tool call in an answer from Ollama. */
export interface Call {
  readonly name: string
  readonly arguments: Readonly<Record<string, unknown>>
}

/**
 * A script of a model that thinks, and then calls the tools one after the other. After the result
 * of the last tool, it answers that all are done. It answers a request without tools, such as a
 * request for a chat title, with text.
 */
export function callTools(...calls: readonly Call[]): Script {
  return (exchange) => {
    const { request } = exchange
    const { messages, tools = [] } = request.json as { messages: readonly Message[]; tools?: readonly unknown[] }
    const next = tools.length > 0 ? calls[messages.filter(({ role }) => role === 'tool').length] : undefined
    const said = next ? toCall(next) : { content: 'The tool has answered' }
    const line = { ...(JSON.parse(toDeltaLine(request, '')) as object), message: { role: 'assistant', content: '', ...said } }
    return lines([JSON.stringify(line), toDoneLine(request, 3)])(exchange)
  }
}

function toCall({ name, arguments: given }: Call) {
  return { thinking: 'I ask the tool.', tool_calls: [{ id: `call_${name}`, function: { index: 0, name, arguments: given } }] }
}
