import { Http1Fault } from './fault.ts'

// Each pattern can match a text in one way only, so a failure takes linear time. Lines are latin1.
export const token = "[\\w!#$%&'*+.^`|~-]+"
const quoted = String.raw`"(?:[\t !#-[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"`
const statusLine = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: [\t -~\x80-\xff]*)?$/
// Programs disagree about a tab after `chunked`, so a value may not end with a tab.
const fieldLine = new RegExp(`^(${token}):([\\t -~\\x80-\\xff]*)$(?<!\\t *)`)
// At most thirteen digits, because JavaScript has exact integers up to 2^53.
const sizeLine = new RegExp(`^([\\da-fA-F]{1,13})(?:;${token}(?:=(?:${token}|${quoted}))?)*$`)

/** The names of the headers that say where a body ends. */
export const framingName = /^(?:content-length|transfer-encoding)$/i

/** `minor` is the digit after the dot: 0 in HTTP/1.0. */
export type StatusLine = Readonly<{ minor: number; status: number }>

/** @throws Http1Fault */
export function parseStatusLine(line: string): StatusLine {
  const [, minor, status] = statusLine.exec(line) ?? []
  if (!status) throw new Http1Fault('The status line is malformed')
  return { minor: Number(minor), status: Number(status) }
}

/** Returns the name and the value, which may have white space around it. @throws Http1Fault */
export function parseFieldLine(line: string): [name: string, value: string] {
  const [, name, value = ''] = fieldLine.exec(line) ?? []
  if (!name) throw new Http1Fault('A header line is malformed')
  return [name, value]
}

/** @throws Http1Fault */
export function parseChunkSize(line: string): number {
  const [, digits] = sizeLine.exec(line) ?? []
  if (!digits) throw new Http1Fault('The size of a chunk is malformed')
  return Number.parseInt(digits, 16)
}

/**
 * Returns the bytes of a body (RFC 9112 §6.3), or `Infinity` if it lasts until the connection
 * closes. A head that can be understood in two ways is a fault. @throws Http1Fault
 */
export function toBodyLength(method: string, { minor, status }: StatusLine, headers: Headers): number | 'chunked' {
  const coding = headers.get('transfer-encoding')
  const length = headers.get('content-length') // of a repeated header: all values, with commas
  const isInterim = status < 200
  if (coding !== null && length !== null) throw new Http1Fault('The body has both a length and a coding')
  if (coding !== null && (coding.toLowerCase() !== 'chunked' || minor === 0))
    throw new Http1Fault('The coding of the body is not chunked')
  if (length !== null && !/^\d{1,15}$/.test(length)) throw new Http1Fault('The length of the body is malformed')
  if (status === 101 || (isInterim && (minor === 0 || headers.has('connection'))))
    throw new Http1Fault('An interim response changes the connection')
  const isEmpty = isInterim || status === 204 || status === 304
  if (isEmpty && (coding !== null || (status !== 304 && Number(length) > 0)))
    throw new Http1Fault('A status without a body has one')
  if (isEmpty || method === 'HEAD') return 0
  return coding === null ? Number(length ?? Infinity) : 'chunked'
}
