import { ChatStreamError } from './errors.ts'
import type { ChatEvent, ChatToolCall, ChatUsage } from './events.ts'

/** The whole answer, as `final()` returns it. */
export interface ChatAnswer {
  readonly text: string
  readonly thinking: string
  readonly toolCalls: readonly ChatToolCall[]
  readonly reason: string
  readonly model: string | undefined
  readonly usage: ChatUsage
  readonly tokensPerSecond: number | undefined
  /**
   * Milliseconds from sending the request to the first piece of text, thinking or tool call.
   * `undefined` if the answer has none of these.
   */
  readonly firstTokenMs: number | undefined
}

/**
 * Starts to collect the events of an answer. Call the returned function with each event. It returns
 * undefined until the last event. Then it returns a function that returns the whole answer, or
 * throws the failure. The failure has the id of the request if the event has none.
 * @internal
 */
export function createCollector(): (event: ChatEvent, requestId?: string) => (() => ChatAnswer) | undefined {
  const toolCalls: ChatToolCall[] = []
  const sentAt = performance.now()
  let text = ''
  let thinking = ''
  let firstTokenMs: number | undefined

  return (event, requestId) => {
    if (event.type === 'failed') {
      const error = new ChatStreamError(event.code, event.message, event.requestId ?? requestId)
      return () => {
        throw error
      }
    }
    if (event.type === 'done') {
      const { type: _, ...rest } = event
      return () => ({ text, thinking, toolCalls, firstTokenMs, ...rest })
    }
    if ('text' in event || event.type === 'tool_call') {
      firstTokenMs ??= performance.now() - sentAt
      if (event.type === 'delta') text += event.text
      else if (event.type === 'thinking') thinking += event.text
      else {
        const { type: _, ...call } = event
        toolCalls.push(call)
      }
    }
    return undefined
  }
}
