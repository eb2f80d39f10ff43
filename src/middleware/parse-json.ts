import { ServiceError } from '../errors.ts'
import { endOfString, isObject, parseExact } from '../exact-json.ts'

const maxDepth = 32

/**
 * Parses bytes as a JSON object, whose numbers keep all their digits (docs/protocol.md#2-native).
 * @throws ServiceError `invalid_json` if the bytes are not UTF-8, not JSON, not an object, or
 * nested deeper than 32 levels
 */
export function parseJson(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new ServiceError('invalid_json', 'The body is not UTF-8; send JSON in UTF-8')
  }
  if (text.trim() === '') throw new ServiceError('invalid_json', 'The body is empty; send a JSON object')
  assertShallow(text)
  let value: unknown
  try {
    value = parseExact(text)
  } catch {
    throw new ServiceError('invalid_json', 'The body is not JSON; send a JSON object')
  }
  if (!isObject(value)) throw new ServiceError('invalid_json', 'The body is JSON, but no object; send a JSON object')
  return value
}

/**
 * Checks the depth before the text is parsed, because parsing millions of nested brackets would
 * overflow the stack.
 */
function assertShallow(text: string) {
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: // "
        i = endOfString(text, i)
        break
      case 0x5b: // [
      case 0x7b: // {
        if (++depth > maxDepth) throw new ServiceError('invalid_json', `The body is nested deeper than ${maxDepth} levels`)
        break
      case 0x5d: // ]
      case 0x7d: // }
        depth--
    }
  }
}
