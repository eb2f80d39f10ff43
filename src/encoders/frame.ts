/**
 * One SSE frame. No argument may contain a CR or an LF, because these end a field (WHATWG HTML
 * §9.2.6). Text of several lines must first be converted with `toLines`. A reader removes one space
 * after `data:`. The frame contains this space, so the reader does not remove a space of the data.
 */
export function toFrame(data: string, event?: string, id?: string): string {
  const frame = `data: ${data}\n\n`
  const named = event === undefined ? frame : `event: ${event}\n${frame}`
  return id === undefined ? named : `id: ${id}\n${named}`
}

/**
 * Converts text of several lines into the data of a frame. Each line becomes its own `data` field,
 * and the reader joins these fields with LF.
 */
export function toLines(text: string): string {
  return text.replaceAll(/\r\n|\r|\n/g, '\ndata: ')
}
