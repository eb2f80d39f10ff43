import { ServiceError } from '../errors.ts'

const maxDepth = 32

/**
 * Bytes → a JSON object that says what its sender meant.
 * @throws ServiceError `invalid_json` if it is no UTF-8, no JSON, no object, or nested deeper than 32; `invalid_request` if parsing
 * changed a number (docs/protocol.md §2)
 */
export function parseJson(bytes: Uint8Array): Record<string, unknown> {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new ServiceError('invalid_json', 'The body is not UTF-8')
  }
  if (text.trim() === '') throw new ServiceError('invalid_json', 'The body is empty; send a JSON object')
  assertShallow(text)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new ServiceError('invalid_json', 'The body is not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ServiceError('invalid_json', 'The body is not a JSON object')
  assertExact(value, [])
  return value as Record<string, unknown>
}

/** Before parsing: five million brackets must cost no stack. */
function assertShallow(text: string) {
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: // "
        i = endOfString(text, i)
        break
      case 0x5b: // [
      case 0x7b: // {
        if (++depth > maxDepth) throw new ServiceError('invalid_json', `The body is nested deeper than ${maxDepth}`)
        break
      case 0x5d: // ]
      case 0x7d: // }
        depth--
    }
  }
}

/** Index of the quote that closes the string at `start`; the text's length if none does. */
function endOfString(text: string, start: number): number {
  for (let quote = start; ;) {
    quote = text.indexOf('"', quote + 1)
    if (quote === -1) return text.length
    let slashes = 0
    while (text.charCodeAt(quote - 1 - slashes) === 0x5c) slashes++
    if (slashes % 2 === 0) return quote
  }
}

/** What was sent is what arrives: `1e400` would become Infinity, and beyond 2^53 an integer another one. */
function assertExact(value: unknown, path: string[]) {
  if (typeof value === 'number') {
    if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return
    const issue = { path: path.join('.'), message: 'Cannot be read exactly: the number is too large' }
    throw new ServiceError('invalid_request', `Invalid request: ${issue.path}: ${issue.message}`, { issues: [issue] })
  }
  if (typeof value !== 'object' || value === null) return
  for (const [key, child] of Object.entries(value)) {
    if (typeof child === 'number' || typeof child === 'object') assertExact(child, [...path, key])
  }
}
