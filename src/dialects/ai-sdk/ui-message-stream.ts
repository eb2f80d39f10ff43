import { streamHeaders, type Encoder } from '../../encoders/encoder.ts'
import { eventStream } from '../../encoders/sse.ts'
import type { OllamaChunk } from '../../generation.ts'
import { toToolCalls } from '../tool-calls.ts'
import { toFinish } from './finish.ts'
import { toFrame } from './frame.ts'
import { createParts } from './parts.ts'

/** No id: nothing is kept here, so the page gives one, or goes on in the message whose tools it has run. */
const beginning = toFrame({ type: 'start' }) + toFrame({ type: 'start-step' })

/**
 * The UI message stream, version 1 (https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol). A failure ends it with `error`, and without
 * the `finish` and the `[DONE]` of a success.
 */
export const uiMessageStream: Encoder = {
  ...eventStream,
  headers: { ...streamHeaders, 'x-vercel-ai-ui-message-stream': 'v1' },
  start({ requestId }) {
    const parts = createParts()
    let hasBegun = false
    let callCount = 0

    /** A call comes whole, so its input is there at once: no `tool-input-start`, which tells of one that is being written. */
    function toCallFrames(chunk: OllamaChunk): string {
      let frames = ''
      for (const { id, name, arguments: input } of toToolCalls(chunk, requestId, callCount)) {
        callCount++
        frames += `data: {"type":"tool-input-available","toolCallId":${JSON.stringify(id)},"toolName":${JSON.stringify(name)},"input":${input}}\n\n`
      }
      return frames === '' ? '' : parts.close() + frames
    }

    return (batch) => {
      let frames = ''
      for (const event of batch) {
        if (event.type === 'failed') return frames + toFrame({ type: 'error', errorText: event.error.message })
        if (!hasBegun) frames += beginning
        hasBegun = true
        const { message } = event.chunk
        frames += parts.write('reasoning', message?.thinking) + parts.write('text', message?.content)
        if (message?.tool_calls) frames += toCallFrames(event.chunk)
        if (event.type === 'done') frames += parts.close() + toFinish(event.chunk, callCount > 0)
      }
      return frames
    }
  },
}
