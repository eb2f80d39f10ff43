import type { GenerationCall } from '../../generation.ts'
import { invalidRequest, notSupported } from '../issues.ts'
import { toImage, type OllamaMessage } from '../to-ollama.ts'
import type { Part, UiChatRequest, UiMessage } from './schema.ts'

/**
 * A page's chat as Ollama's.
 * @throws ServiceError `not_supported` for a part that Ollama cannot take, `invalid_request` for a
 * bad image and for messages that are all empty
 */
export function toCall({ messages: uiMessages, model, system, ...rest }: UiChatRequest): GenerationCall {
  const messages = uiMessages.flatMap((message, index) => toMessages(message, `messages.${index}`))
  // Ollama would only load the model (docs/ollama.md §1), and there would be no answer.
  if (messages.every(isEmpty)) throw invalidRequest('messages', 'Expected a message that says something')
  const all = system ? [{ role: 'system', content: system }, ...messages] : messages
  return { endpoint: 'chat', model: model ?? undefined, body: { ...rest, messages: all } }
}

/** Whether a message has neither a text nor anything else beside its role. */
function isEmpty(message: OllamaMessage): boolean {
  return message.content === '' && Object.keys(message).length === 2
}

interface PlacedPart {
  readonly part: Part
  readonly path: string
}

/**
 * A message of a page as messages of Ollama, like the SDK's own `convertToModelMessages`: each step
 * of the assistant is a message, and the results of its tools follow it. An empty step of the
 * assistant is left out.
 */
function toMessages({ role, parts }: UiMessage, path: string): OllamaMessage[] {
  const steps: PlacedPart[][] = [[]]
  for (const [index, part] of parts.entries()) {
    if (part.kind === 'step') steps.push([])
    else steps.at(-1)?.push({ part, path: `${path}.parts.${index}` })
  }
  return role === 'assistant' ? steps.flatMap((step) => toTurn(role, step)) : toTurn(role, steps.flat())
}

function toTurn(role: UiMessage['role'], step: readonly PlacedPart[]): OllamaMessage[] {
  let [content, thinking] = ['', '']
  const images: string[] = []
  const calls: object[] = []
  const results: OllamaMessage[] = []
  for (const { part, path } of step) {
    if (part.kind === 'text') content += part.text
    else if (part.kind === 'reasoning') thinking += part.text
    else if (part.kind === 'file') images.push(toImageOf(part, path))
    else if (part.kind === 'unknown')
      throw notSupported(`${path}.type`, 'send text, reasoning, file, tool, step-start, source and data parts')
    else if (part.kind === 'tool') {
      calls.push({ id: part.toolCallId, function: { name: part.toolName, arguments: part.input ?? {} } })
      const result = toResult(part)
      if (result !== undefined)
        results.push({ role: 'tool', content: result, tool_name: part.toolName, tool_call_id: part.toolCallId })
    }
  }
  if (role === 'assistant' && !content && !thinking && images.length === 0 && calls.length === 0) return []
  const message = {
    role,
    content,
    ...(thinking && { thinking }),
    ...(images.length > 0 && { images }),
    ...(calls.length > 0 && { tool_calls: calls }),
  }
  return [message, ...results]
}

function toImageOf({ mediaType, url }: Extract<Part, { kind: 'file' }>, path: string): string {
  // The SDK also has a media type `image` without a subtype.
  if (!/^image(?:\/|$)/i.test(mediaType)) throw notSupported(`${path}.mediaType`, 'Ollama takes no files but images')
  return toImage(url, `${path}.url`)
}

/** What the tool or the person who refused it answered; undefined without an answer. */
function toResult({ state, output, errorText, approval }: Extract<Part, { kind: 'tool' }>): string | undefined {
  if (state === 'output-available') return typeof output === 'string' ? output : JSON.stringify(output ?? null)
  if (state === 'output-error') return errorText ?? ''
  if (state === 'output-denied' || approval?.approved === false) return approval?.reason ?? 'Tool call execution denied.'
  return undefined
}
