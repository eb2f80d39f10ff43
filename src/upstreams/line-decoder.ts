import { ServiceError } from '../errors.ts'

export interface LineDecoderOptions {
  /**
   * Longest accepted line in bytes, LF excluded. Ollama's own client allows 8 MiB; the longest line seen is the final one of
   * `/api/generate`, whose `context` takes about 7 bytes a token.
   */
  maxLineBytes: number
  /** Gets every complete line, without its LF or CRLF, in order. */
  onLine(line: string): void
}

export interface LineDecoder {
  /**
   * Takes the next piece, cut anywhere.
   * @throws ServiceError `line_too_long` as soon as the limit is passed, before the line is complete; `upstream_protocol` on
   * broken UTF-8. The lines before the fault have been given out.
   */
  push(bytes: Uint8Array): void
  /** The source ended: gives out a last line that had no LF. @throws as `push` */
  end(): void
}

const LF = 0x0a

/**
 * Bytes → lines, in time linear in the bytes and with at most `maxLineBytes` kept (hazard 19). All the complete lines of a piece are
 * decoded in one go; a character that the cut falls into waits with its line.
 */
export function createLineDecoder({ maxLineBytes, onLine }: LineDecoderOptions): LineDecoder {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let kept: Uint8Array[] = [] // the pieces of the line that is not complete yet
  let keptBytes = 0
  let isFirst = true

  function give(bytes: Uint8Array) {
    if (bytes.byteLength > maxLineBytes) throw tooLong(maxLineBytes)
    let line: string
    try {
      line = decoder.decode(bytes)
    } catch (cause) {
      throw new ServiceError('upstream_protocol', 'Cannot read the answer of Ollama: a line is not UTF-8', { cause })
    }
    giveText(line)
  }

  function giveText(line: string) {
    if (isFirst) {
      isFirst = false
      if (line.startsWith('\uFEFF')) line = line.slice(1)
    }
    onLine(line.endsWith('\r') ? line.slice(0, -1) : line)
  }

  /** Whole lines, the last one's LF included. */
  function giveAll(bytes: Uint8Array) {
    if (bytes.byteLength <= maxLineBytes) {
      let text: string | undefined
      try {
        text = decoder.decode(bytes)
      } catch {
        // One of the lines is broken: line by line below, so that those before it still count.
      }
      if (text !== undefined) {
        for (let from = 0, to; (to = text.indexOf('\n', from)) !== -1; from = to + 1) giveText(text.slice(from, to))
        return
      }
    }
    for (let from = 0, to; (to = bytes.indexOf(LF, from)) !== -1; from = to + 1) give(bytes.subarray(from, to))
  }

  function keep(bytes: Uint8Array) {
    keptBytes += bytes.byteLength
    if (keptBytes > maxLineBytes) throw tooLong(maxLineBytes)
    kept.push(bytes.slice()) // a copy: the view may pin a large pooled buffer
  }

  function takeKept(last: Uint8Array): Uint8Array {
    const line = new Uint8Array(keptBytes + last.byteLength)
    let at = 0
    for (const piece of kept) {
      line.set(piece, at)
      at += piece.byteLength
    }
    line.set(last, at)
    kept = []
    keptBytes = 0
    return line
  }

  return {
    push(bytes) {
      let from = 0
      if (keptBytes > 0) {
        const to = bytes.indexOf(LF)
        if (to === -1) return keep(bytes)
        if (keptBytes + to > maxLineBytes) throw tooLong(maxLineBytes)
        give(takeKept(bytes.subarray(0, to)))
        from = to + 1
      }
      const end = Math.max(from, bytes.lastIndexOf(LF) + 1)
      // A piece is mostly whole lines, and a view costs more than decoding it (Bun).
      if (end > from) giveAll(from === 0 && end === bytes.byteLength ? bytes : bytes.subarray(from, end))
      if (end < bytes.byteLength) keep(bytes.subarray(end))
    },
    end() {
      if (keptBytes > 0) give(takeKept(new Uint8Array()))
    },
  }
}

function tooLong(maxLineBytes: number): ServiceError {
  return new ServiceError('line_too_long', `Cannot read the answer of Ollama: a line is longer than ${maxLineBytes} bytes`)
}
