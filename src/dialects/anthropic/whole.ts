import { folding } from '../../encoders/folded.ts'
import { toIdPart, toToolCalls, type ToolCall } from '../../encoders/tool-calls.ts'
import { toNumber } from '../../exact-json.ts'
import type { OllamaChunk } from '../../generation.ts'

/** The answer for `stream:false`: one message (https://docs.claude.com/en/api/messages). */
export const messageWhole = folding(({ chunk }, { requestId }) => {
  const { thinking, content } = chunk.message ?? {}
  const calls = toToolCalls(chunk, requestId, 0)
  return JSON.stringify({
    ...toHead(chunk, requestId),
    content: [
      ...(thinking ? [{ type: 'thinking', thinking, signature: '' }] : []),
      ...(content ? [{ type: 'text', text: content }] : []),
      ...calls.map((call) => toToolUse(call, call.input)),
    ],
    ...toStopReason(chunk, calls.length),
    usage: toUsage(chunk),
  })
})

/** The fields of a message that are already known when Ollama's first line arrives. */
export function toHead({ model = '' }: OllamaChunk, requestId: string) {
  return { id: `msg_${toIdPart(requestId)}`, type: 'message', role: 'assistant', model } as const
}

export function toToolUse({ id, name }: ToolCall, input: unknown) {
  return { type: 'tool_use', id, name, input } as const
}

/**
 * Returns the reason why the answer ended. If a stop sequence ended it, the reason is `end_turn`,
 * because Ollama does not report stop sequences.
 */
export function toStopReason({ done_reason }: OllamaChunk, toolCalls: number) {
  const reason = toolCalls > 0 ? 'tool_use' : 'end_turn'
  return { stop_reason: done_reason === 'length' ? 'max_tokens' : reason, stop_sequence: null } as const
}

export function toUsage({ prompt_eval_count, eval_count }: OllamaChunk) {
  return { input_tokens: toNumber(prompt_eval_count ?? 0), output_tokens: toNumber(eval_count ?? 0) }
}
