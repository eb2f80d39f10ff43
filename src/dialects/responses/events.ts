/** Writes the events of one stream, numbered from 0. `fields` are JSON text of an event's own members. */
export interface Events {
  event(type: string, fields: string): string
  /** Of what comes by the thousand all but number and text is made once; `more` are members that come after the text. */
  deltas(type: string, fields: string): (text: string, more: string) => string
}

export function createEvents(): Events {
  let count = 0
  const toHead = (type: string, fields: string) => `event: ${type}\ndata: {"type":"${type}",${fields},"sequence_number":`
  return {
    event: (type, fields) => `${toHead(type, fields)}${count++}}\n\n`,
    deltas(type, fields) {
      const head = toHead(type, fields)
      return (text, more) => `${head}${count++},"delta":${JSON.stringify(text)}${more}}\n\n`
    },
  }
}
