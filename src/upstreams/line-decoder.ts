import { ServiceError } from '../errors.ts'

export interface LineDecoderOptions {
  /**
   * The longest accepted line in bytes, without its LF. Ollama's own client allows 8 MiB. The
   * longest known line is the last line of `/api/generate`, whose `context` takes about 7 bytes for
   * each token.
   */
  maxLineBytes: number
  /** Called with every complete line, in order, without its LF or CRLF. */
  onLine(line: string): void
}

export interface LineDecoder {
  /**
   * Decodes the next piece of bytes, which may begin and end anywhere. If this throws, `onLine` was
   * already called with all lines before the fault.
   * @throws ServiceError `line_too_long` as soon as a line is longer than the limit, even before
   * the line is complete; `upstream_protocol` on broken UTF-8
   */
  push(bytes: Uint8Array): void
  /**
   * Call this when the source has ended. Emits the last line if it had no LF. @throws like `push`
   */
  end(): void
}

const LF = 0x0a

/** All streams share it, because it keeps nothing between two calls. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Splits bytes into lines, in linear time and with at most `maxLineBytes` in memory
 * (docs/hazards.md#19). All complete lines of a piece are decoded together. The bytes of an
 * incomplete line wait for the next piece, so a character may be split between two pieces.
 */
export function createLineDecoder({ maxLineBytes, onLine }: LineDecoderOptions): LineDecoder {
  let buffered: Uint8Array[] = [] // the pieces of a line that is not complete yet
  let bufferedBytes = 0
  let isFirst = true

  function decodeLine(bytes: Uint8Array) {
    if (bytes.byteLength > maxLineBytes) throw tooLong(maxLineBytes)
    let line: string
    try {
      line = decoder.decode(bytes)
    } catch (cause) {
      throw new ServiceError('upstream_protocol', 'Cannot read the answer of Ollama: a line is not UTF-8', { cause })
    }
    emitLine(line)
  }

  function emitLine(line: string) {
    if (isFirst) {
      isFirst = false
      if (line.startsWith('\uFEFF')) line = line.slice(1)
    }
    onLine(line.endsWith('\r') ? line.slice(0, -1) : line)
  }

  /** Decodes complete lines, each with its LF. */
  function decodeLines(bytes: Uint8Array) {
    if (bytes.byteLength <= maxLineBytes) {
      let text: string | undefined
      try {
        text = decoder.decode(bytes)
      } catch {
        // One of the lines is not UTF-8. The code below decodes the lines one by one, so that the
        // lines before the fault are still emitted.
      }
      if (text !== undefined) {
        for (let from = 0, to; (to = text.indexOf('\n', from)) !== -1; from = to + 1) emitLine(text.slice(from, to))
        return
      }
    }
    for (let from = 0, to; (to = bytes.indexOf(LF, from)) !== -1; from = to + 1) decodeLine(bytes.subarray(from, to))
  }

  function buffer(bytes: Uint8Array) {
    bufferedBytes += bytes.byteLength
    if (bufferedBytes > maxLineBytes) throw tooLong(maxLineBytes)
    buffered.push(new Uint8Array(bytes)) // a copy, because the view may keep a large buffer alive
  }

  function joinBuffered(last: Uint8Array): Uint8Array {
    const line = new Uint8Array(bufferedBytes + last.byteLength)
    let offset = 0
    for (const piece of buffered) {
      line.set(piece, offset)
      offset += piece.byteLength
    }
    line.set(last, offset)
    buffered = []
    bufferedBytes = 0
    return line
  }

  return {
    push(bytes) {
      let from = 0
      if (bufferedBytes > 0) {
        const to = bytes.indexOf(LF)
        if (to === -1) return buffer(bytes)
        if (bufferedBytes + to > maxLineBytes) throw tooLong(maxLineBytes)
        decodeLine(joinBuffered(bytes.subarray(0, to)))
        from = to + 1
      }
      const end = Math.max(from, bytes.lastIndexOf(LF) + 1)
      // Most pieces contain only complete lines. Such a piece is decoded without a view, because on
      // Bun a view costs more than the decoding.
      if (end > from) decodeLines(from === 0 && end === bytes.byteLength ? bytes : bytes.subarray(from, end))
      if (end < bytes.byteLength) buffer(bytes.subarray(end))
    },
    end() {
      if (bufferedBytes > 0) decodeLine(joinBuffered(new Uint8Array()))
    },
  }
}

function tooLong(maxLineBytes: number): ServiceError {
  return new ServiceError(
    'line_too_long',
    `Cannot read the answer of Ollama: a line is longer than ${maxLineBytes} bytes, the limit of SLUICE_MAX_LINE_BYTES`,
  )
}
