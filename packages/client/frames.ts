/** One Server-Sent Event, or one line of NDJSON. The event of a line is named `message`. */
export interface Frame {
  readonly event: string
  readonly data: string
  /** The `id` field of an event. `undefined` if the event has none. */
  readonly id?: string | undefined
}

/** Makes frames from text that comes in pieces. A piece may end anywhere. */
export interface FrameReader {
  /** Returns the frames that this piece completes. */
  read(text: string): Frame[]
  /** How many characters belong to a frame that is not complete yet. */
  readonly pending: number
}

/**
 * Reads Server-Sent Events as the HTML standard parses them (§9.2.6), or NDJSON.
 *
 * Of Server-Sent Events it ignores `retry`, because the client chooses its own waits. It returns a
 * frame only after the empty line that ends the frame. Of NDJSON it skips empty lines. There only
 * an LF ends a line, because a CR may stand between the tokens of JSON. A last line without an LF
 * is not returned.
 *
 * It searches only new text for the ends of lines, and joins a long line once, when the line is
 * complete. So the cost grows with the length of a line, not with its square.
 */
export function createFrameReader(isEvents: boolean): FrameReader {
  const lineEnd = isEvents ? /\r\n?|\n/ : '\n'
  let rest = ''
  let event = ''
  let data: string | undefined
  let id: string | undefined
  let wasCr = false

  const readLine = (line: string): Frame[] => {
    if (!isEvents) return line.trim() ? [{ event: 'message', data: line }] : []
    if (!line) {
      const frames = data === undefined ? [] : [{ event: event || 'message', data, id }]
      event = ''
      data = id = undefined
      return frames
    }
    const [, name, value = ''] = /^([^:]*):? ?(.*)/s.exec(line)!
    if (name === 'event') event = value
    if (name === 'id' && !value.includes('\0')) id = value
    if (name === 'data') data = data === undefined ? value : `${data}\n${value}`
    return []
  }

  return {
    read(text) {
      if (!text) return []
      // A CR at the end of the previous piece has already ended its line. An LF at the start of
      // this piece belongs to that CR, so it is dropped.
      const lines = (wasCr && text[0] === '\n' ? text.slice(1) : text).split(lineEnd)
      wasCr = isEvents && text.endsWith('\r')
      lines[0] = rest + lines[0]!
      rest = lines.pop()!
      return lines.flatMap(readLine)
    },
    get pending() {
      return rest.length + (data?.length ?? 0)
    },
  }
}
