import type { ToolCall } from '../tool-calls.ts'
import type { Events } from './events.ts'

/** Where an item stands among the others. */
export interface Place {
  readonly id: string
  readonly index: number
  readonly events: Events
}

export type ItemStatus = 'in_progress' | 'completed' | 'incomplete'

/** What a model says bit by bit. */
export interface SpokenKind {
  readonly idPrefix: 'msg' | 'rs'
  readonly partEvent: string
  readonly textEvent: string
  /** Where its only part stands. */
  readonly index: string
  /** Members that come after a text; `logprobs` are JSON texts, with commas between them. */
  toMore(logprobs: string): string
  toPart(text: string, more: string): string
  toItem(parts: string): string
}

export const message: SpokenKind = {
  idPrefix: 'msg',
  partEvent: 'response.content_part',
  textEvent: 'response.output_text',
  index: '"content_index":0',
  toMore: (logprobs) => `,"logprobs":[${logprobs}]`,
  toPart: (text, more) => `{"type":"output_text","text":${text},"annotations":[]${more}}`,
  toItem: (parts) => `"type":"message","role":"assistant","content":[${parts}]`,
}

/**
 * Told as a summary, as Ollama's own `/v1/responses` does: that is what clients show and send back, while few read the events of
 * `reasoning_text`.
 */
export const reasoning: SpokenKind = {
  idPrefix: 'rs',
  partEvent: 'response.reasoning_summary_part',
  textEvent: 'response.reasoning_summary_text',
  index: '"summary_index":0',
  toMore: () => '',
  toPart: (text) => `{"type":"summary_text","text":${text}}`,
  toItem: (parts) => `"type":"reasoning","summary":[${parts}]`,
}

export interface Spoken {
  readonly kind: SpokenKind
  open(): void
  /** `logprobs` are those of the text's tokens; empty if there are none. */
  say(text: string, logprobs: string): void
  /** Gives the item's JSON text. */
  finish(status: ItemStatus): string
  /** As far as it has come. */
  toItem(status: ItemStatus): string
}

/** A message or a reasoning item, with one part. */
export function createSpoken(kind: SpokenKind, { id, index, events }: Place): Spoken {
  const { partEvent, textEvent, toMore, toPart } = kind
  const at = `"item_id":"${id}","output_index":${index},${kind.index}`
  const emitDelta = events.deltas(`${textEvent}.delta`, at)
  const nothingMore = toMore('')
  const logprobs: string[] = []
  let text = ''

  const toItem = (status: ItemStatus, parts: string) => `{"id":"${id}","status":"${status}",${kind.toItem(parts)}}`
  const emitItem = (what: 'added' | 'done', item: string) =>
    events.event(`response.output_item.${what}`, `"output_index":${index},"item":${item}`)

  function toWhole() {
    const said = JSON.stringify(text)
    const more = toMore(logprobs.join(','))
    return { said, more, part: toPart(said, more) }
  }

  return {
    kind,
    open() {
      emitItem('added', toItem('in_progress', ''))
      events.event(`${partEvent}.added`, `${at},"part":${toPart('""', nothingMore)}`)
    },
    say(piece, probabilities) {
      text += piece
      if (probabilities === '') return emitDelta(piece, nothingMore)
      logprobs.push(probabilities)
      emitDelta(piece, toMore(probabilities))
    },
    finish(status) {
      const { said, more, part } = toWhole()
      const item = toItem(status, part)
      events.event(`${textEvent}.done`, `${at},"text":${said}${more}`)
      events.event(`${partEvent}.done`, `${at},"part":${part}`)
      emitItem('done', item)
      return item
    },
    toItem: (status) => toItem(status, toWhole().part),
  }
}

/** A function call, which comes whole: its arguments are one delta. Gives the item's JSON text. */
export function emitFunctionCall(call: ToolCall, { id, index, events }: Place): string {
  const at = `"item_id":"${id}","output_index":${index}`
  const text = JSON.stringify(call.arguments)
  const name = JSON.stringify(call.name)
  const toItem = (status: ItemStatus, args: string) =>
    `{"id":"${id}","status":"${status}","type":"function_call","call_id":${JSON.stringify(call.id)},"name":${name},"arguments":${args}}`
  const item = toItem('completed', text)
  events.event('response.output_item.added', `"output_index":${index},"item":${toItem('in_progress', '""')}`)
  events.event('response.function_call_arguments.delta', `${at},"delta":${text}`)
  events.event('response.function_call_arguments.done', `${at},"name":${name},"arguments":${text}`)
  events.event('response.output_item.done', `"output_index":${index},"item":${item}`)
  return item
}
