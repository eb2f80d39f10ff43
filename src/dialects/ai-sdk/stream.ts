import { streamHeaders, type Encoder } from '../../encoders/encoder.ts'
import { toFrame } from '../../encoders/frame.ts'
import { eventStream } from '../../encoders/sse.ts'
import { toToolCalls } from '../../encoders/tool-calls.ts'
import type { ServiceError } from '../../errors.ts'
import { isNumber, toNumber } from '../../exact-json.ts'
import type { OllamaChunk } from '../../generation.ts'

/**
 * The UI message stream, version 1 (https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol). A
 * successful stream ends with `finish` and `[DONE]`. A stream that the user has stopped ends with
 * `abort` instead, and every other failed stream with `error`.
 *
 * The `start` chunk has no message id. So `useChat` creates a new message, or continues the message
 * whose tools it has run.
 */
export const uiMessageStream = createUiMessageStream(() => undefined)

/**
 * The same stream with a message id in its `start` chunk. A page may have stored the message before
 * it was complete. When such a page reads the stream again from the beginning, `useChat` replaces
 * that message, and does not add a second one.
 */
export const resumableUiMessageStream = createUiMessageStream(() => `msg_${crypto.randomUUID()}`)

function createUiMessageStream(toMessageId: () => string | undefined): Encoder {
  return {
    ...eventStream,
    headers: { ...streamHeaders, 'x-vercel-ai-ui-message-stream': 'v1' },
    start({ requestId, emit }) {
      const parts = createParts(emit)
      let hasBegun = false
      let callCount = 0

      function begin() {
        hasBegun = true
        emit(toChunkFrame({ type: 'start', messageId: toMessageId() }))
        emit(toChunkFrame({ type: 'start-step' }))
      }

      /** Ollama never splits a tool call, so no `tool-input-start` with partial input is needed. */
      function writeCalls(chunk: OllamaChunk) {
        for (const { id, name, input } of toToolCalls(chunk, requestId, callCount)) {
          parts.close()
          callCount++
          emit(toChunkFrame({ type: 'tool-input-available', toolCallId: id, toolName: name, input }))
        }
      }

      function finish(chunk: OllamaChunk) {
        parts.close()
        emit(toChunkFrame({ type: 'finish-step' }))
        emit(toChunkFrame(toFinish(chunk, callCount > 0)))
        emit(toFrame('[DONE]'))
      }

      return (batch) => {
        for (const event of batch) {
          if (event.type === 'failed') return emit(toChunkFrame(toFailure(event.error)))
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
}

/** `useChat` shows an `error`. After an `abort` it is ready for the next message. */
function toFailure({ code, message }: ServiceError) {
  return code === 'cancelled' ? { type: 'abort', reason: message } : { type: 'error', errorText: message }
}

type PartKind = 'text' | 'reasoning'

/**
 * Writes the text and reasoning parts of a message. At most one part is open. When a token of the
 * other kind arrives, the open part is closed first.
 */
function createParts(emit: (frame: string) => void) {
  let open: { kind: PartKind; id: string } | undefined
  let count = 0
  /** The JSON of a delta up to its text. It is made once per part, to save time on each token. */
  let deltaHead = ''

  function close() {
    if (!open) return
    const { kind, id } = open
    open = undefined
    emit(toChunkFrame({ type: `${kind}-end`, id }))
  }

  function begin(kind: PartKind) {
    close()
    const id = `${kind}-${++count}`
    open = { kind, id }
    deltaHead = `{"type":"${kind}-delta","id":"${id}","delta":`
    emit(toChunkFrame({ type: `${kind}-start`, id }))
  }

  return {
    close,
    write(kind: PartKind, text: string) {
      if (open?.kind !== kind) begin(kind)
      emit(toFrame(`${deltaHead}${JSON.stringify(text)}}`))
    },
  }
}

/** The SDK's `finish` chunk. Ollama's counts and durations become its metadata. */
function toFinish(last: OllamaChunk, hasCalls: boolean) {
  const { model, done_reason } = last
  const [inputTokens, outputTokens] = [toCount(last.prompt_eval_count), toCount(last.eval_count)]
  const totalTokens = inputTokens === undefined || outputTokens === undefined ? undefined : inputTokens + outputTokens
  const messageMetadata = {
    model,
    done_reason,
    usage: { inputTokens, outputTokens, totalTokens },
    timings: {
      totalMs: toMs(last.total_duration),
      loadMs: toMs(last.load_duration),
      promptEvalMs: toMs(last.prompt_eval_duration),
      evalMs: toMs(last.eval_duration),
    },
  }
  return { type: 'finish', finishReason: toFinishReason(done_reason, hasCalls), messageMetadata }
}

/** Returns undefined if Ollama did not send the count. */
function toCount(figure: unknown): number | undefined {
  return isNumber(figure) ? toNumber(figure) : undefined
}

/** Converts one of Ollama's durations. Returns undefined if Ollama did not send it. */
function toMs(nanoseconds: unknown): number | undefined {
  return isNumber(nanoseconds) ? toNumber(nanoseconds) / 1e6 : undefined
}

/**
 * Returns the SDK's `FinishReason`. Ollama sends `stop` even if the model called a tool
 * (docs/ollama.md#1-stream), so `hasCalls` is checked before `stop`.
 */
function toFinishReason(reason: string | undefined, hasCalls: boolean): 'stop' | 'length' | 'tool-calls' | 'other' {
  if (reason === 'length') return 'length'
  if (hasCalls) return 'tool-calls'
  return reason === undefined || reason === 'stop' ? 'stop' : 'other'
}

function toChunkFrame(chunk: { readonly type: string; readonly [field: string]: unknown }): string {
  return toFrame(JSON.stringify(chunk))
}
