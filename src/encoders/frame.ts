/**
 * One SSE frame. None of its parts may hold a CR or an LF, because these end a field (WHATWG HTML
 * §9.2.6). `data: ` needs its space, because a reader strips exactly one. So the leading spaces of
 * the data survive.
 */
export function toFrame(data: string, event?: string, id?: string): string {
  const frame = `data: ${data}\n\n`
  const named = event === undefined ? frame : `event: ${event}\n${frame}`
  return id === undefined ? named : `id: ${id}\n${named}`
}

/**
 * Text of several lines, as data. Each line becomes a field of its own, and the reader joins
 * these fields with LF.
 */
export function toLines(text: string): string {
  return text.replaceAll(/\r\n|\r|\n/g, '\ndata: ')
}
