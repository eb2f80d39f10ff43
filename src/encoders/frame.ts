/**
 * One SSE frame. CR and LF end a field (WHATWG HTML §9.2.6), so the arguments must not contain
 * them. The only exception is `data` that `toLines` returned for a text of several lines. A reader
 * removes one space after `data:`. The frame contains this extra space, so a space at the
 * beginning of the data is kept.
 */
export function toFrame(data: string, event?: string): string {
  const frame = `data: ${data}\n\n`
  return event === undefined ? frame : `event: ${event}\n${frame}`
}

/**
 * Converts text of several lines into the data of a frame. Each line becomes its own `data` field,
 * and the reader joins these fields with LF.
 */
export function toLines(text: string): string {
  return text.replaceAll(/\r\n|\r|\n/g, '\ndata: ')
}
