/** One event of a stream: of SSE, or a line of NDJSON, whose name is `message`. */
export interface Frame {
  readonly event: string
  readonly data: string
}

/** Makes frames of text that is cut anywhere. */
export interface FrameReader {
  /** The frames that this piece completes. */
  read(text: string): Frame[]
  /** Characters that wait for their frame's end. */
  readonly pending: number
}

/**
 * Reads Server-Sent Events as the HTML standard parses them (§9.2.6), but for `id` and `retry`: nothing here connects again. A frame that is not
 * closed by an empty line does not count.
 */
export function createEventReader(): FrameReader {
  const lines = createLines(/\r\n?|\n/)
  let event = ''
  let data: string | undefined
  let wasCr = false

  const readLine = (line: string): Frame[] => {
    if (line === '') {
      const frames = data === undefined ? [] : [{ event: event || 'message', data }]
      event = ''
      data = undefined
      return frames
    }
    const colon = line.indexOf(':')
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1))
    if (name === 'event') event = value
    if (name === 'data') data = data === undefined ? value : `${data}\n${value}`
    return []
  }

  return {
    read(text) {
      if (text === '') return []
      // A CR at the end of a piece has ended its line; the LF that may follow belongs to it.
      const rest = wasCr && text[0] === '\n' ? text.slice(1) : text
      wasCr = rest.endsWith('\r')
      return lines.read(rest).flatMap(readLine)
    },
    get pending() {
      return lines.rest.length + (data?.length ?? 0)
    },
  }
}

/** Reads NDJSON. Only LF ends a line: a CR may stand between the tokens of JSON. Empty lines are skipped. The last line counts once an LF is given for it. */
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

/** Only new text is searched, and a long line is put together once, when it is complete: the cost grows with the line, not with its square. */
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
