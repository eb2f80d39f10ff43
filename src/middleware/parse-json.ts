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
  assertExact(value)
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

/**
 * What was sent is what arrives: `1e400` would become Infinity, and beyond 2^53 an integer another one. No entries and no paths are
 * made on the way: a body of millions of small values must not cost a hundred times its size.
 */
function assertExact(value: object) {
  const path = findInexact(value)
  if (path === undefined) return
  const issue = { path: path.join('.'), message: 'Cannot be read exactly: the number is too large' }
  throw new ServiceError('invalid_request', `Invalid request: ${issue.path}: ${issue.message}`, { issues: [issue] })
}

/** Where the first number is that parsing changed. */
function findInexact(value: unknown): string[] | undefined {
  if (typeof value === 'number') return Math.abs(value) <= Number.MAX_SAFE_INTEGER ? undefined : []
  if (typeof value !== 'object' || value === null) return undefined
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const path = findInexact(value[i])
      if (path) return [String(i), ...path]
    }
    return undefined
  }
  for (const key of Object.keys(value)) {
    const path = findInexact((value as Record<string, unknown>)[key])
    if (path) return [key, ...path]
  }
  return undefined
}
