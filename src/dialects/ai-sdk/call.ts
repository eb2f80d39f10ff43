import { toImage } from '../image.ts'
import { notSupported } from '../not-supported.ts'
import type { OllamaMessage } from '../ollama-message.ts'
import type { Part, UiMessage } from './schema.ts'

/**
 * A message of a page → Ollama's, as the SDK's own `convertToModelMessages` does it: each step of an assistant is a message, and the
 * results of its tools follow it. An assistant's step that says nothing is none.
 * @throws ServiceError `not_supported` for a part that Ollama cannot be told of, `invalid_request` for an image that is none
 */
export function toOllamaMessages({ role, parts }: UiMessage, path: string): OllamaMessage[] {
  const steps: { part: Part; path: string }[][] = [[]]
  for (const [index, part] of parts.entries()) {
    if (part.kind === 'step') steps.push([])
    else steps.at(-1)?.push({ part, path: `${path}.parts.${index}` })
  }
  return role === 'assistant' ? steps.flatMap((step) => toTurn(role, step)) : toTurn(role, steps.flat())
}

function toTurn(role: UiMessage['role'], step: readonly { part: Part; path: string }[]): OllamaMessage[] {
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
  // `image` alone is a media type of the SDK's as well.
  if (!/^image(?:\/|$)/i.test(mediaType)) throw notSupported(`${path}.mediaType`, 'Ollama takes no files but images')
  return toImage(url, `${path}.url`)
}

/** What a tool, or whoever refused it, answered; undefined while there is no answer. */
function toResult({ state, output, errorText, approval }: Extract<Part, { kind: 'tool' }>): string | undefined {
  if (state === 'output-available') return typeof output === 'string' ? output : JSON.stringify(output ?? null)
  if (state === 'output-error') return errorText ?? ''
  if (state === 'output-denied' || approval?.approved === false) return approval?.reason ?? 'Tool call execution denied.'
  return undefined
}
