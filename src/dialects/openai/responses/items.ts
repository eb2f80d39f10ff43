import { toFrame } from '../../../encoders/frame.ts'
import type { ToolCall } from '../../../encoders/tool-calls.ts'
import type { Logprob } from '../logprobs.ts'
import { toCustomInput, type Origin } from '../tools.ts'

export type Events = ReturnType<typeof createEvents>

/** Writes OpenAI's events of one stream, numbered from 0. */
export function createEvents(emit: (frame: string) => void) {
  let count = 0
  return {
    write(type: string, fields: object) {
      emit(toFrame(JSON.stringify({ type, ...fields, sequence_number: count++ }), type))
    },
    /**
     * Returns a function that writes the event of one token. The parameter `tail` of that function
     * is the JSON text after the token.
     */
    createDelta(type: string, fields: object) {
      // The head is made once per item, to save time on each token.
      const head = `${JSON.stringify({ type, ...fields }).slice(0, -1)},"sequence_number":`
      return (text: string, tail: string) => emit(toFrame(`${head}${count++},"delta":${JSON.stringify(text)}${tail}`, type))
    },
  }
}

export type ItemStatus = 'in_progress' | 'completed' | 'incomplete'

/** The differences between a message and a reasoning item. Each item has exactly one part. */
export interface ItemKind {
  readonly idPrefix: 'msg' | 'rs'
  /** The event names for the part and for its text, without `.added`, `.delta` or `.done`. */
  readonly partEvent: string
  readonly textEvent: string
  readonly partIndex: object
  /** The fields that a text event has in addition to the text. */
  toTextFields(logprobs: readonly Logprob[]): object
  toPart(text: string, logprobs: readonly Logprob[]): object
  toItem(parts: readonly object[]): object
}

export const message: ItemKind = {
  idPrefix: 'msg',
  partEvent: 'response.content_part',
  textEvent: 'response.output_text',
  partIndex: { content_index: 0 },
  toTextFields: (logprobs) => ({ logprobs }),
  toPart: (text, logprobs) => ({ type: 'output_text', text, annotations: [], logprobs }),
  toItem: (content) => ({ type: 'message', role: 'assistant', content }),
}

/**
 * Thinking is sent as a summary, as in Ollama's own `/v1/responses`. Clients show a summary and
 * send it back, but few clients read `reasoning_text` events.
 */
export const reasoning: ItemKind = {
  idPrefix: 'rs',
  partEvent: 'response.reasoning_summary_part',
  textEvent: 'response.reasoning_summary_text',
  partIndex: { summary_index: 0 },
  toTextFields: () => ({}),
  toPart: (text) => ({ type: 'summary_text', text }),
  toItem: (summary) => ({ type: 'reasoning', summary }),
}

/** The id and position of an item, and the writer for its events. */
export interface ItemOptions {
  readonly id: string
  /** The item's index in the response's output. */
  readonly index: number
  readonly events: Events
}

export type Item = ReturnType<typeof createItem>

/** Begins an item that grows token by token. */
export function createItem(kind: ItemKind, { id, index, events }: ItemOptions) {
  const { partEvent, textEvent, toTextFields, toPart } = kind
  const place = { item_id: id, output_index: index, ...kind.partIndex }
  const writeDelta = events.createDelta(`${textEvent}.delta`, place)
  const tailWithoutLogprobs = toTail(toTextFields([]))
  const logprobs: Logprob[] = []
  let text = ''

  const toItem = (status: ItemStatus, parts: readonly object[]) => ({ id, status, ...kind.toItem(parts) })

  events.write('response.output_item.added', { output_index: index, item: toItem('in_progress', []) })
  events.write(`${partEvent}.added`, { ...place, part: toPart('', []) })

  return {
    kind,
    /** `tokenLogprobs` are the log probabilities of `token`. */
    write(token: string, tokenLogprobs: readonly Logprob[]) {
      text += token
      if (tokenLogprobs.length === 0) return writeDelta(token, tailWithoutLogprobs)
      for (const logprob of tokenLogprobs) logprobs.push(logprob)
      writeDelta(token, toTail(toTextFields(tokenLogprobs)))
    },
    /** Writes the last events of the item, and returns the item. */
    finish(status: ItemStatus): object {
      const part = toPart(text, logprobs)
      const item = toItem(status, [part])
      events.write(`${textEvent}.done`, { ...place, text, ...toTextFields(logprobs) })
      events.write(`${partEvent}.done`, { ...place, part })
      events.write('response.output_item.done', { output_index: index, item })
      return item
    },
    /** Returns the unfinished item with the text so far. */
    toItem: (status: ItemStatus): object => toItem(status, [toPart(text, logprobs)]),
  }
}

/** The JSON text that appends these fields to an object and closes the object. */
function toTail(fields: object): string {
  const json = JSON.stringify(fields)
  return json === '{}' ? '}' : `,${json.slice(1)}`
}

/** The format of a call, by the kind of its tool. A search has no text events. */
const callKinds = {
  function: { type: 'function_call', field: 'arguments', textEvent: 'response.function_call_arguments' },
  custom: { type: 'custom_tool_call', field: 'input', textEvent: 'response.custom_tool_call_input' },
  search: { type: 'tool_search_call', field: 'arguments', textEvent: undefined },
} as const

/**
 * Writes the events of a tool call and returns the item of the call. The format depends on the kind
 * of the client's tool. The input is sent in a single delta, because Ollama never splits a call.
 */
export function writeCall(call: ToolCall, origin: Origin | undefined, { id, index, events }: ItemOptions): object {
  const { kind, name, namespace }: Origin = origin ?? { kind: 'function', name: call.name, namespace: undefined }
  const { type, field, textEvent } = callKinds[kind]
  const place = { item_id: id, output_index: index }
  const toItem = (status: ItemStatus, given: unknown) => {
    const ids = { id, status, type, call_id: call.id }
    return kind === 'search' ? { ...ids, execution: 'client', [field]: given } : { ...ids, name, namespace, [field]: given }
  }
  const text = kind === 'custom' ? toCustomInput(call.input) : call.arguments
  const item = toItem('completed', textEvent ? text : call.input)
  events.write('response.output_item.added', { output_index: index, item: toItem('in_progress', textEvent ? '' : call.input) })
  if (textEvent) {
    events.write(`${textEvent}.delta`, { ...place, delta: text })
    events.write(`${textEvent}.done`, { ...place, ...(kind === 'function' && { name }), [field]: text })
  }
  events.write('response.output_item.done', { output_index: index, item })
  return item
}
