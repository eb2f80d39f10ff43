import { streamHeaders, type Encoder } from '../../encoders/encoder.ts'
import { toFrame } from '../../encoders/frame.ts'
import { eventStream } from '../../encoders/sse.ts'
import type { OllamaChunk } from '../../generation.ts'
import { toToolCalls } from '../tool-calls.ts'
import { toFinish } from './finish.ts'
import { toChunk } from './frame.ts'
import { createParts } from './parts.ts'

/**
 * The UI message stream, version 1 (https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol). A failure ends it with `error`, and
 * without the `finish` and the `[DONE]` of a success.
 */
export const uiMessageStream: Encoder = {
  ...eventStream,
  headers: { ...streamHeaders, 'x-vercel-ai-ui-message-stream': 'v1' },
  start({ requestId, emit }) {
    const parts = createParts(emit)
    let hasBegun = false
    let callCount = 0

    /** No id: nothing is kept here, so the page gives one, or goes on in the message whose tools it has run. */
    function begin() {
      hasBegun = true
      emit(toChunk({ type: 'start' }))
      emit(toChunk({ type: 'start-step' }))
    }

    /** A call comes whole, so its input is there at once: there is no `tool-input-start`, which announces an input in parts. */
    function writeCalls(chunk: OllamaChunk) {
      for (const { id, name, arguments: input } of toToolCalls(chunk, requestId, callCount)) {
        parts.close()
        callCount++
        emit(
          toFrame(
            `{"type":"tool-input-available","toolCallId":${JSON.stringify(id)},"toolName":${JSON.stringify(name)},"input":${input}}`,
          ),
        )
      }
    }

    function finish(chunk: OllamaChunk) {
      parts.close()
      emit(toChunk({ type: 'finish-step' }))
      emit(toChunk(toFinish(chunk, callCount > 0)))
      emit(toFrame('[DONE]'))
    }

    return (batch) => {
      for (const event of batch) {
        if (event.type === 'failed') return emit(toChunk({ type: 'error', errorText: event.error.message }))
        if (!hasBegun) begin()
        const { message } = event.chunk
        if (message?.thinking) parts.write('reasoning', message.thinking)
        if (message?.content) parts.write('text', message.content)
        if (message?.tool_calls) writeCalls(event.chunk)
        if (event.type === 'done') finish(event.chunk)
      }
    }
  },
}
