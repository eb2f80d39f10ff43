import type { Encoder } from '../../encoders/encoder.ts'
import { toFrame } from '../../encoders/frame.ts'
import { eventStream } from '../../encoders/sse.ts'
import { toToolCalls, type ToolCall } from '../../encoders/tool-calls.ts'
import type { OllamaChunk } from '../../generation.ts'
import { toErrorBody } from './failure.ts'
import { toHead, toStopReason, toToolUse, toUsage } from './whole.ts'

/**
 * The stream for `stream:true` (https://docs.claude.com/en/docs/build-with-claude/streaming). A
 * failed stream ends with Anthropic's `error` event. An open content block is not closed first.
 */
export const messageStream: Encoder = {
  ...eventStream,
  heartbeat: toTypedFrame({ type: 'ping' }),
  start({ requestId, emit }) {
    const blocks = createBlocks(emit)
    let isStarted = false
    let calls = 0

    function begin(chunk: OllamaChunk) {
      isStarted = true
      const message = { ...toHead(chunk, requestId), content: [], stop_reason: null, stop_sequence: null, usage: toUsage({}) }
      emit(toTypedFrame({ type: 'message_start', message }))
    }

    function finish(chunk: OllamaChunk) {
      blocks.close()
      emit(toTypedFrame({ type: 'message_delta', delta: toStopReason(chunk, calls), usage: toUsage(chunk) }))
      emit(toTypedFrame({ type: 'message_stop' }))
    }

    return (batch) => {
      for (const event of batch) {
        if (event.type === 'failed') return emit(toTypedFrame(toErrorBody(event.error, requestId)))
        const { chunk } = event
        const { message } = chunk
        if (!isStarted) begin(chunk)
        if (message?.thinking) blocks.write('thinking', message.thinking)
        if (message?.content) blocks.write('text', message.content)
        if (message?.tool_calls) {
          const toolCalls = toToolCalls(chunk, requestId, calls)
          calls += toolCalls.length
          for (const call of toolCalls) blocks.call(call)
        }
        if (event.type === 'done') finish(chunk)
      }
    }
  },
}

const openings = {
  // Ollama does not sign thinking. So no signature event follows, and clients store this empty
  // signature.
  thinking: { type: 'thinking', thinking: '', signature: '' },
  text: { type: 'text', text: '' },
} as const

/** Writes the content blocks of one message, numbered in order. At most one block is open. */
function createBlocks(emit: (frame: string) => void) {
  let index = -1
  let open: keyof typeof openings | undefined
  /** The JSON of a delta up to its text. It is made once per block, to save time on each token. */
  let deltaHead = ''

  function start(content_block: object) {
    index++
    emit(toTypedFrame({ type: 'content_block_start', index, content_block }))
  }

  function stop() {
    emit(toTypedFrame({ type: 'content_block_stop', index }))
  }

  function close() {
    if (open) stop()
    open = undefined
  }

  function switchBlock(kind: keyof typeof openings) {
    close()
    start(openings[kind])
    open = kind
    deltaHead = `{"type":"content_block_delta","index":${index},"delta":{"type":"${kind}_delta","${kind}":`
  }

  return {
    close,
    write(kind: keyof typeof openings, text: string) {
      if (kind !== open) switchBlock(kind)
      emit(toFrame(`${deltaHead}${JSON.stringify(text)}}}`, 'content_block_delta'))
    },
    /** Writes a tool call as a block with a single delta, because Ollama never splits a call. */
    call(call: ToolCall) {
      close()
      start(toToolUse(call, {}))
      const delta = { type: 'input_json_delta', partial_json: call.arguments }
      emit(toTypedFrame({ type: 'content_block_delta', index, delta }))
      stop()
    },
  }
}

/** A frame whose event name is the `type` of its data. */
function toTypedFrame(data: { readonly type: string; readonly [field: string]: unknown }): string {
  return toFrame(JSON.stringify(data), data.type)
}
