import { toRef, type JsonSchema } from './json-schema.ts'

/**
 * The schemas of events. An event is an object with the fields of a frame, as a reader of SSE gets
 * them: the name of an event without one is `message`. Comments are no events.
 */

const id: JsonSchema = {
  type: 'string',
  description: 'The position of the frame, `RUN.NUMBER`, on a stream that can be resumed (docs/protocol.md, section 9)',
}

/** An event whose data is JSON of the named schema. */
export function toJsonEvent(schema: string, event = 'message'): JsonSchema {
  return toEvent(event, { type: 'string', contentMediaType: 'application/json', contentSchema: toRef(schema) })
}

/** An event whose data is a text. */
export function toTextEvent(event: string): JsonSchema {
  return toEvent(event, { type: 'string' })
}

/** The terminal of OpenAI and of the AI SDK. It is no JSON. */
export const doneEvent = toEvent('message', { const: '[DONE]' })

/** The terminal of a failure in Sluice's own streams. */
export const failedEvent = toJsonEvent('Error', 'failed')

function toEvent(event: string, data: JsonSchema): JsonSchema {
  return {
    type: 'object',
    properties: { event: { const: event }, data, id },
    required: event === 'message' ? ['data'] : ['event', 'data'],
  }
}
