import type { Encoder, StartOptions } from '../../../encoders/encoder.ts'
import { eventStream } from '../../../encoders/sse.ts'
import { toIdPart, toToolCalls } from '../../../encoders/tool-calls.ts'
import { ServiceError } from '../../../errors.ts'
import type { Batch, GenerationEvent, OllamaChunk } from '../../../generation.ts'
import { toErrorBody } from '../failure.ts'
import { toLogprobs, type Logprob } from '../logprobs.ts'
import type { Origins } from '../tools.ts'
import { createEvents, createItem, message, reasoning, writeCall, type Item, type ItemKind, type ItemStatus } from './items.ts'
import { toResponse, toResponseHead, type Echo, type ResponseStatus } from './response.ts'

/**
 * The stream of typed events. The last event contains the whole response:
 * https://platform.openai.com/docs/api-reference/responses-streaming
 */
export function createResponseStream(answerOptions: AnswerOptions): Encoder {
  return { ...eventStream, start: (options) => createAnswer(answerOptions, options).write }
}

export interface AnswerOptions {
  readonly echo: Echo
  readonly origins: Origins
}

/** Writes the events of one answer, and collects the items of the model's output in their order. */
export function createAnswer({ echo, origins }: AnswerOptions, { requestId, maxBytes, emit }: StartOptions) {
  const events = createEvents(emit)
  const idPart = toIdPart(requestId)
  /** The finished items. */
  const output: object[] = []
  /** The unfinished item. It follows the finished items. */
  let open: Item | undefined
  let head = toResponseHead(echo, `resp_${idPart}`, {})
  let hasBegun = false
  let response: object | undefined
  let callCount = 0
  let gathered = 0
  /**
   * Log probabilities whose text has not arrived yet. Ollama can send them before the text
   * (docs/ollama.md#1-stream).
   */
  let pendingLogprobs: Logprob[] = []

  const toItemOptions = (idPrefix: string) => ({ id: `${idPrefix}_${idPart}_${output.length}`, index: output.length, events })

  function writeState(status: ResponseStatus, ...types: readonly string[]) {
    const response = toResponse(head, { status, output })
    for (const type of types) events.write(type, { response })
  }

  function begin(first: OllamaChunk) {
    hasBegun = true
    head = toResponseHead(echo, `resp_${idPart}`, first)
    writeState('in_progress', ...(echo.background ? [] : ['response.created']), 'response.in_progress')
  }

  function close(status: ItemStatus) {
    if (open) output.push(open.finish(status))
    open = undefined
  }

  function writeText(kind: ItemKind, text: string, logprobs: readonly Logprob[]) {
    gathered += text.length
    if (open?.kind !== kind) {
      close('completed')
      open = createItem(kind, toItemOptions(kind.idPrefix))
    }
    open.write(text, logprobs)
  }

  function writeCalls(chunk: OllamaChunk) {
    close('completed')
    for (const call of toToolCalls(chunk, requestId, callCount)) {
      gathered += call.arguments.length
      callCount++
      const origin = origins.get(call.name)
      output.push(writeCall(call, origin, toItemOptions(origin?.kind === 'custom' ? 'ctc' : 'fc')))
    }
  }

  function addLogprobs(chunkLogprobs: readonly unknown[]) {
    const logprobs = toLogprobs(chunkLogprobs, [])
    pendingLogprobs.push(...logprobs)
    gathered += JSON.stringify(logprobs).length
  }

  function writeChunk(chunk: OllamaChunk) {
    const { content, thinking, tool_calls: calls } = chunk.message ?? {}
    if (chunk.logprobs?.length) addLogprobs(chunk.logprobs)
    if (thinking) writeText(reasoning, thinking, [])
    if (content) writeText(message, content, pendingLogprobs)
    if (calls?.length) writeCalls(chunk)
    // Only a message has log probabilities. The log probabilities of thinking and of calls are
    // dropped.
    if (pendingLogprobs.length > 0 && (content || thinking || calls?.length)) pendingLogprobs = []
  }

  function finish(done: OllamaChunk) {
    const status = done.done_reason === 'length' ? 'incomplete' : 'completed'
    close(status)
    response = toResponse(head, { status, output, done })
    events.write(`response.${status}`, { response })
  }

  /**
   * Ends the stream with the error, both in `response` and at the top level of the event. If only
   * `response` contained the error, OpenAI's clients would treat the event as a normal end.
   */
  function fail(error: ServiceError) {
    const items = open ? [...output, open.toItem('incomplete')] : output
    // OpenAI has this status for background responses only, and it has no event for it.
    const status = echo.background && error.code === 'cancelled' ? 'cancelled' : 'failed'
    const response = toResponse(head, { status, output: items, error })
    events.write('response.failed', { response, ...toErrorBody(error) })
  }

  function writeEvent(event: GenerationEvent) {
    if (event.type === 'failed') {
      if (!hasBegun && !echo.background) begin({})
      return fail(event.error)
    }
    if (!hasBegun) begin(event.chunk)
    writeChunk(event.chunk)
    if (event.type === 'done') finish(event.chunk)
  }

  // The reader of a background response needs its id at once, so that it can come back.
  if (echo.background) writeState('queued', 'response.created', 'response.queued')
  return {
    /** @throws ServiceError `line_too_long` once the answer is longer than `maxBytes` */
    write(batch: Batch) {
      // The length is checked only between batches. An error within a batch would discard events
      // that already have sequence numbers.
      if (gathered > maxBytes && batch[0]?.type !== 'failed') throw tooLong(maxBytes)
      for (const event of batch) writeEvent(event)
    },
    /** The whole response, or undefined until it is complete. */
    get response() {
      return response
    },
  }
}

function tooLong(maxBytes: number): ServiceError {
  return new ServiceError('line_too_long', `Cannot repeat the whole answer at its end: it is longer than ${maxBytes} bytes`)
}
