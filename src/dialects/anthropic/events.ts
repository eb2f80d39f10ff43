import type { Encoder } from '../../encoders/encoder.ts'
import { eventStream } from '../../encoders/sse.ts'
import type { OllamaChunk } from '../../generation.ts'
import { toToolCalls, type ToolCall } from '../tool-calls.ts'
import { toErrorBody } from './failure.ts'
import { toHead, toStop, toToolUse, toUsage } from './message.ts'

/**
 * `stream:true`: typed events (https://docs.claude.com/en/docs/build-with-claude/streaming). A failure is this API's own `error` event and
 * the last one; what is open then stays open.
 */
export const events: Encoder = {
  ...eventStream,
  heartbeat: toFrame({ type: 'ping' }),
  start({ requestId }) {
    const blocks = createBlocks()
    let isStarted = false
    let calls = 0

    function begin(chunk: OllamaChunk): string {
      isStarted = true
      const message = { ...toHead(chunk, requestId), content: [], stop_reason: null, stop_sequence: null, usage: toUsage({}) }
      return toFrame({ type: 'message_start', message })
    }

    function finish(chunk: OllamaChunk): string {
      const ending = { type: 'message_delta', delta: toStop(chunk, calls), usage: toUsage(chunk) }
      return blocks.close() + toFrame(ending) + toFrame({ type: 'message_stop' })
    }

    return (batch) => {
      let frames = ''
      for (const event of batch) {
        if (event.type === 'failed') return frames + toFrame(toErrorBody(event.error, requestId))
        const { chunk } = event
        const { message } = chunk
        if (!isStarted) frames += begin(chunk)
        if (message?.thinking) frames += blocks.write('thinking', message.thinking)
        if (message?.content) frames += blocks.write('text', message.content)
        if (message?.tool_calls) {
          const made = toToolCalls(chunk, requestId, calls)
          calls += made.length
          for (const call of made) frames += blocks.call(call)
        }
        if (event.type === 'done') frames += finish(chunk)
      }
      return frames
    }
  },
}

const openings = {
  // No signature event follows: there is none, and clients keep this one.
  thinking: { type: 'thinking', thinking: '', signature: '' },
  text: { type: 'text', text: '' },
} as const

/** The content blocks of one message: one is open at a time, each with the next index. */
function createBlocks() {
  let index = -1
  let open: keyof typeof openings | undefined
  /** A token's frame up to its text. */
  let head = ''

  function start(content_block: object): string {
    index++
    return toFrame({ type: 'content_block_start', index, content_block })
  }

  function stop(): string {
    return toFrame({ type: 'content_block_stop', index })
  }

  function close(): string {
    if (!open) return ''
    open = undefined
    return stop()
  }

  function change(kind: keyof typeof openings): string {
    const frames = close() + start(openings[kind])
    open = kind
    head = `event: content_block_delta\ndata: {"type":"content_block_delta","index":${index},"delta":{"type":"${kind}_delta","${kind}":`
    return frames
  }

  return {
    close,
    write(kind: keyof typeof openings, text: string): string {
      const changed = kind === open ? '' : change(kind)
      return `${changed}${head}${JSON.stringify(text)}}}\n\n`
    },
    /** A block of its own: Ollama's calls come whole. */
    call(call: ToolCall): string {
      const started = close() + start(toToolUse(call, {}))
      const delta = { type: 'input_json_delta', partial_json: call.arguments }
      return started + toFrame({ type: 'content_block_delta', index, delta }) + stop()
    },
  }
}

/** The event's name is its data's type. */
function toFrame(data: { readonly type: string; readonly [field: string]: unknown }): string {
  return `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`
}
