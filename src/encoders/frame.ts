/**
 * One SSE frame. None of its parts may hold a CR or an LF, because these end a field (WHATWG HTML §9.2.6). `data: ` has
 * its space: a reader strips exactly one, so leading spaces of the data survive.
 */
export function toFrame(data: string, event?: string, id?: string): string {
  const frame = `data: ${data}\n\n`
  const named = event === undefined ? frame : `event: ${event}\n${frame}`
  return id === undefined ? named : `id: ${id}\n${named}`
}

/** Text of several lines as data: each line has a field of its own, and the reader joins them with LF. */
export function toLines(text: string): string {
  return text.replaceAll(/\r\n|\r|\n/g, '\ndata: ')
}
