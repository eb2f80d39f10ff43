import { toFrame } from '../../encoders/frame.ts'

/** Emits the events of one stream, numbered from 0. `fields` are JSON text of an event's own members. */
export interface Events {
  event(type: string, fields: string): void
  /** For the event of each token: all but number and text is made once. `more` are members that come after the text. */
  deltas(type: string, fields: string): (text: string, more: string) => void
}

export function createEvents(emit: (frame: string) => void): Events {
  let count = 0
  const toHead = (type: string, fields: string) => `{"type":"${type}",${fields},"sequence_number":`
  return {
    event: (type, fields) => emit(toFrame(`${toHead(type, fields)}${count++}}`, type)),
    deltas(type, fields) {
      const head = toHead(type, fields)
      return (text, more) => emit(toFrame(`${head}${count++},"delta":${JSON.stringify(text)}${more}}`, type))
    },
  }
}
