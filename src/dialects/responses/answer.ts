import type { StartOptions } from '../../encoders/encoder.ts'
import { ServiceError } from '../../errors.ts'
import type { Batch, GenerationEvent, OllamaChunk } from '../../generation.ts'
import { toOpenAIError } from '../openai-failure.ts'
import { toIdPart, toToolCalls } from '../tool-calls.ts'
import type { Echo } from './echo.ts'
import { createEvents } from './events.ts'
import { createSpoken, message, reasoning, toFunctionCall } from './items.ts'
import type { Finished, ItemStatus, Spoken, SpokenKind } from './items.ts'
import { createLogprobs } from './logprobs.ts'
import { createResponse, type ToResponse } from './response.ts'

export interface Answer {
  /** The events of a batch. @throws ServiceError `line_too_long` once more has been said than may be gathered */
  write(batch: Batch): string
  /** The response object, once it is complete; empty before. */
  readonly whole: string
}

/** One answer: what a model says, as items in the order in which it says them. */
export function createAnswer(echo: Echo, { requestId, maxBytes }: StartOptions): Answer {
  const events = createEvents()
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

  function begin(toResponse: ToResponse): string {
    const fields = `"response":${toResponse({ status: 'in_progress', output })}`
    return events.event('response.created', fields) + events.event('response.in_progress', fields)
  }

  function add({ item, frames }: Finished): string {
    output.push(item)
    return frames
  }

  function close(status: ItemStatus): string {
    if (!open) return ''
    const finished = open.finish(status)
    open = undefined
    return add(finished)
  }

  function say(kind: SpokenKind, text: string, logprobs: string): string {
    gathered += text.length
    if (open?.kind === kind) return open.say(text, logprobs)
    const closed = close('completed')
    open = createSpoken(kind, toPlace(kind.idPrefix))
    return closed + open.open() + open.say(text, logprobs)
  }

  function call(chunk: OllamaChunk): string {
    let frames = close('completed')
    for (const one of toToolCalls(chunk, requestId, calls)) {
      gathered += one.arguments.length
      calls++
      frames += add(toFunctionCall(one, toPlace('fc')))
    }
    return frames
  }

  function tell(chunk: OllamaChunk): string {
    const { content, thinking, tool_calls: made } = chunk.message ?? {}
    let frames = ''
    if (chunk.logprobs?.length) gathered += logprobs.hold(chunk.logprobs)
    if (thinking) frames += say(reasoning, thinking, '')
    if (content) frames += say(message, content, logprobs.release())
    if (made?.length) frames += call(chunk)
    if (thinking || made?.length) logprobs.forget()
    return frames
  }

  function finish(toResponse: ToResponse, done: OllamaChunk): string {
    const status = done.done_reason === 'length' ? 'incomplete' : 'completed'
    const frames = close(status)
    whole = toResponse({ status, output, done })
    return frames + events.event(`response.${status}`, `"response":${whole}`)
  }

  /** With an `error` of its own: OpenAI's clients throw for that, and take one that is only in the response for an end like any other. */
  function fail(toResponse: ToResponse, error: ServiceError): string {
    const items = open ? [...output, open.toItem('incomplete')] : output
    const response = toResponse({ status: 'failed', output: items, error })
    return events.event('response.failed', `"response":${response},"error":${JSON.stringify(toOpenAIError(error).error)}`)
  }

  function toFrames(event: GenerationEvent): string {
    let frames = ''
    if (!toResponse) {
      toResponse = createResponse(echo, `resp_${idPart}`, event.type === 'failed' ? {} : event.chunk)
      frames = begin(toResponse)
    }
    if (event.type === 'failed') return frames + fail(toResponse, event.error)
    frames += tell(event.chunk)
    return event.type === 'done' ? frames + finish(toResponse, event.chunk) : frames
  }

  return {
    write(batch) {
      // Between batches, so that no event is lost that has its number already.
      if (gathered > maxBytes && batch[0]?.type !== 'failed') throw tooLong(maxBytes)
      let frames = ''
      for (const event of batch) frames += toFrames(event)
      return frames
    },
    get whole() {
      return whole
    },
  }
}

function tooLong(maxBytes: number): ServiceError {
  return new ServiceError('line_too_long', `Cannot repeat the whole answer at its end: it is longer than ${maxBytes} bytes`)
}
