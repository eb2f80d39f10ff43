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
 * Reads Server-Sent Events as the HTML standard parses them (§9.2.6). It ignores `retry`, because
 * the client chooses its own waits. It returns a frame only after the empty line that ends the frame.
 */
export function createEventReader(): FrameReader {
  const lines = createLines(/\r\n?|\n/)
  let event = ''
  let data: string | undefined
  let id: string | undefined
  let wasCr = false

  const readLine = (line: string): Frame[] => {
    if (line === '') {
      const frames = data === undefined ? [] : [{ event: event || 'message', data, id }]
      event = ''
      data = id = undefined
      return frames
    }
    const colon = line.indexOf(':')
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1))
    if (name === 'event') event = value
    if (name === 'id' && !value.includes('\0')) id = value
    if (name === 'data') data = data === undefined ? value : `${data}\n${value}`
    return []
  }

  return {
    read(text) {
      if (text === '') return []
      // A CR at the end of the previous piece has already ended its line. An LF at the start of
      // this piece belongs to that CR, so it is dropped.
      const rest = wasCr && text[0] === '\n' ? text.slice(1) : text
      wasCr = rest.endsWith('\r')
      return lines.read(rest).flatMap(readLine)
    },
    get pending() {
      return lines.rest.length + (data?.length ?? 0)
    },
  }
}

/**
 * Reads NDJSON. Only an LF ends a line, because a CR may stand between the tokens of JSON. Empty
 * lines are skipped. A last line without an LF is not returned.
 */
export function createLineReader(): FrameReader {
  const lines = createLines('\n')
  const toFrames = (line: string): Frame[] => (line.trim() === '' ? [] : [{ event: 'message', data: line }])
  return {
    read: (text) => lines.read(text).flatMap(toFrames),
    get pending() {
      return lines.rest.length
    },
  }
}

/**
 * Cuts text into lines. It searches only new text, and joins a long line once, when the line is
 * complete. So the cost grows with the length of a line, not with its square.
 */
function createLines(separator: string | RegExp) {
  let rest = ''
  return {
    read(text: string): string[] {
      const lines = text.split(separator)
      lines[0] = rest + lines[0]!
      rest = lines.pop()!
      return lines
    },
    get rest() {
      return rest
    },
  }
}
