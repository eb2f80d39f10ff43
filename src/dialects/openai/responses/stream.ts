import type { StartOptions } from '../../encoders/encoder.ts'
import { ServiceError } from '../../errors.ts'
import type { Batch, GenerationEvent, OllamaChunk } from '../../generation.ts'
import { toOpenAIError } from '../openai-failure.ts'
import { toIdPart, toToolCalls } from '../tool-calls.ts'
import type { Echo } from './echo.ts'
import { createEvents } from './events.ts'
import { createSpoken, emitFunctionCall, message, reasoning } from './items.ts'
import type { ItemStatus, Spoken, SpokenKind } from './items.ts'
import { createLogprobs } from './logprobs.ts'
import { createResponse, type ToResponse } from './response.ts'

export interface Answer {
  /** Emits the events of a batch. @throws ServiceError `line_too_long` once more has been said than may be gathered */
  write(batch: Batch): void
  /** The response object, once it is complete; empty before. */
  readonly whole: string
}

/** One answer: what a model says, as items in the order in which it says them. */
export function createAnswer(echo: Echo, { requestId, maxBytes, emit }: StartOptions): Answer {
  const events = createEvents(emit)
  const logprobs = createLogprobs()
  const idPart = toIdPart(requestId)
  /** JSON texts of the finished items; the open one comes after them. */
  const output: string[] = []
  let open: Spoken | undefined
  let toResponse: ToResponse | undefined
  let calls = 0
  let gathered = 0
  let whole = ''

  const toPlace = (idPrefix: string) => ({ id: `${idPrefix}_${idPart}_${output.length}`, index: output.length, events })

  function begin(toResponse: ToResponse) {
    const fields = `"response":${toResponse({ status: 'in_progress', output })}`
    events.event('response.created', fields)
    events.event('response.in_progress', fields)
  }

  function close(status: ItemStatus) {
    if (open) output.push(open.finish(status))
    open = undefined
  }

  function say(kind: SpokenKind, text: string, logprobs: string) {
    gathered += text.length
    if (open?.kind !== kind) {
      close('completed')
      open = createSpoken(kind, toPlace(kind.idPrefix))
      open.open()
    }
    open.say(text, logprobs)
  }

  function call(chunk: OllamaChunk) {
    close('completed')
    for (const one of toToolCalls(chunk, requestId, calls)) {
      gathered += one.arguments.length
      calls++
      output.push(emitFunctionCall(one, toPlace('fc')))
    }
  }

  function tell(chunk: OllamaChunk) {
    const { content, thinking, tool_calls: made } = chunk.message ?? {}
    if (chunk.logprobs?.length) gathered += logprobs.hold(chunk.logprobs)
    if (thinking) say(reasoning, thinking, '')
    if (content) say(message, content, logprobs.release())
    if (made?.length) call(chunk)
    if (thinking || made?.length) logprobs.forget()
  }

  function finish(toResponse: ToResponse, done: OllamaChunk) {
    const status = done.done_reason === 'length' ? 'incomplete' : 'completed'
    close(status)
    whole = toResponse({ status, output, done })
    events.event(`response.${status}`, `"response":${whole}`)
  }

  /** With an `error` of its own: OpenAI's clients throw for that, and take one that is only in the response for an end like any other. */
  function fail(toResponse: ToResponse, error: ServiceError) {
    const items = open ? [...output, open.toItem('incomplete')] : output
    const response = toResponse({ status: 'failed', output: items, error })
    events.event('response.failed', `"response":${response},"error":${JSON.stringify(toOpenAIError(error).error)}`)
  }

  function write(event: GenerationEvent) {
    if (!toResponse) {
      toResponse = createResponse(echo, `resp_${idPart}`, event.type === 'failed' ? {} : event.chunk)
      begin(toResponse)
    }
    if (event.type === 'failed') return fail(toResponse, event.error)
    tell(event.chunk)
    if (event.type === 'done') finish(toResponse, event.chunk)
  }

  return {
    write(batch) {
      // Between batches, so that no event is lost that has its number already.
      if (gathered > maxBytes && batch[0]?.type !== 'failed') throw tooLong(maxBytes)
      for (const event of batch) write(event)
    },
    get whole() {
      return whole
    },
  }
}

function tooLong(maxBytes: number): ServiceError {
  return new ServiceError('line_too_long', `Cannot repeat the whole answer at its end: it is longer than ${maxBytes} bytes`)
}
