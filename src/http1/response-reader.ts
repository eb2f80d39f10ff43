import { Http1Fault } from './fault.ts'
import { framingName, parseChunkSize, parseFieldLine, parseStatusLine, toBodyLength, type StatusLine } from './grammar.ts'

export interface ResponseReaderOptions {
  /** The method of the request, because the response to a HEAD has no body. */
  readonly method: string
  /** Called once, with the final head. Interim responses (1xx) are skipped. */
  onHead(status: number, headers: Headers): void
  /** Called at most once for each `push`, with a view of its bytes. Trailers are dropped. */
  onBody(bytes: Uint8Array): void
  /** The response is complete. `canReuse`: the connection may carry another request. */
  onEnd(canReuse: boolean): void
}

export interface ResponseReader {
  /**
   * Takes the next bytes, cut anywhere: the first `length` of `bytes`. It overwrites these bytes,
   * because it joins the chunks of the body in place. Before it throws, it calls `onBody` with the
   * part of the body that came before the fault. Bytes after the end are a fault, too. If they come
   * in the same read as the end, it throws instead of calling `onEnd`.
   * @throws Http1Fault
   */
  push(bytes: Uint8Array, length: number): void
  /** Call this when the connection has ended. @throws Http1Fault `truncated` in mid-response */
  close(): void
}

/** The limits of the head, the trailer and every 1xx together. */
const [maxHeadBytes, maxHeadLines] = [65_536, 200]
/** The limit of the size of one chunk, with its extensions. */
const maxSizeLineBytes = 4096
const [CR, LF] = [13, 10]

/**
 * Reads one response of HTTP/1.1 (RFC 9112). Whatever can be understood in two ways is a fault,
 * although other programs accept it: tests/fuzz/responses.test.ts lists what `node:http` accepts.
 */
export function createResponseReader({ method, onHead, onBody, onEnd }: ResponseReaderOptions): ResponseReader {
  let left = 0 // how many bytes of the body or chunk have not come yet
  /** What follows these bytes. */
  let next: 'status' | 'field' | 'size' | 'gap' | 'trailer' | 'end' | 'over' = 'status'
  let line = '' // the beginning of a line that is not complete yet
  let [bytesLeft, linesLeft] = [maxHeadBytes, maxHeadLines]
  let start: StatusLine
  let headers: Headers | undefined // only until the end of the head, because the body may take long
  let canReuse = false
  let [from, to] = [0, 0] // where the body starts and ends in the bytes of this push

  function read(bytes: Uint8Array, length: number) {
    for (let at = 0; at < length;) {
      if (left > 0) {
        const end = Math.min(at + left, length)
        if (from === to) from = to = at
        else bytes.copyWithin(to, at, end)
        to += end - at
        left -= end - at
        at = end
      } else if (next === 'gap' && at + 1 < length && bytes[at] === CR && bytes[at + 1] === LF && line === '') {
        next = 'size'
        at += 2
      } else at = next === 'size' && line === '' ? readSize(bytes, length, at) : readLine(bytes, length, at)
    }
  }

  /**
   * Reads the size of a chunk from the bytes. If the line is not complete or has an extension,
   * `readLine` reads it instead.
   */
  function readSize(bytes: Uint8Array, length: number, at: number): number {
    let [size, end] = [0, at]
    for (let digit; end < at + 13 && (digit = toDigit(bytes[end])) !== -1; end++) size = size * 16 + digit
    if (end === at || end + 1 >= length || bytes[end] !== CR || bytes[end + 1] !== LF) return readLine(bytes, length, at)
    startChunk(size)
    return end + 2
  }

  function readLine(bytes: Uint8Array, length: number, at: number): number {
    if (next === 'end' || next === 'over') throw new Http1Fault('Bytes follow the end of the response')
    const found = bytes.indexOf(LF, at)
    const lf = found < length ? found : -1
    const end = lf === -1 ? length : lf
    const max = next === 'gap' ? 2 : next === 'size' ? maxSizeLineBytes : bytesLeft
    if (line.length + end - at >= max)
      throw new Http1Fault(next === 'gap' ? 'A chunk is longer than its size' : 'A line is too long')
    // A TextDecoder for latin1 would decode windows-1252 instead (WHATWG Encoding §4.2).
    for (; at < end; at++) line += String.fromCharCode(bytes[at]!)
    if (lf === -1) return end
    if (!line.endsWith('\r')) throw new Http1Fault('A line ends without a CR')
    const text = line.slice(0, -1)
    line = ''
    takeLine(text)
    return lf + 1
  }

  function takeLine(text: string) {
    if (next === 'size') return startChunk(parseChunkSize(text))
    if (next === 'gap') return void (next = 'size')
    bytesLeft -= text.length + 2
    if (linesLeft-- === 0) throw new Http1Fault('The head has too many lines')
    if (next === 'status') {
      start = parseStatusLine(text)
      headers = new Headers()
      next = 'field'
    } else if (text !== '') {
      const [name, value] = parseFieldLine(text)
      if (next === 'field') headers!.append(name, value)
      else if (framingName.test(name)) throw new Http1Fault('A trailer belongs into the head')
    } else if (next === 'trailer') next = 'end'
    else endHead()
  }

  function endHead() {
    const length = toBodyLength(method, start, headers!)
    next = start.status < 200 ? 'status' : length === 'chunked' ? 'size' : 'end'
    if (next === 'status') return
    if (length !== 'chunked') left = length
    canReuse = start.minor === 1 && !/\bclose\b/i.test(headers!.get('connection') ?? '')
    onHead(start.status, headers!)
    headers = undefined
  }

  function startChunk(size: number) {
    left = size
    next = size === 0 ? 'trailer' : 'gap'
  }

  return {
    push(bytes, length) {
      from = to = 0
      try {
        read(bytes, length)
      } catch (fault) {
        left = 0
        next = 'over'
        throw fault
      } finally {
        if (to > from) onBody(to - from === bytes.length ? bytes : bytes.subarray(from, to))
      }
      if (left > 0 || next !== 'end') return
      next = 'over'
      onEnd(canReuse)
    },
    close() {
      if (next === 'over') return
      next = 'over'
      if (left !== Infinity) throw new Http1Fault('The connection ended before the response did', 'truncated')
      left = 0
      onEnd(false)
    },
  }
}

/** Returns the value of a hexadecimal digit, or -1. */
function toDigit(byte = 0): number {
  if (byte >= 48 && byte <= 57) return byte - 48
  const letter = byte | 32
  return letter >= 97 && letter <= 102 ? letter - 87 : -1
}
