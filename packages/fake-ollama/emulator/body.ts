import { OllamaError } from './go-json.ts'

/** A field's type in Ollama's Go source, as error texts name it. */
type GoType = 'string' | 'bool' | 'int' | 'map[string]interface {}' | `[]${string}` | 'api.Tools'
export type Fields = Readonly<Record<string, GoType>>

/** Returns Go's name for the kind of a JSON value. */
function toGoKind(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  return typeof value === 'boolean' ? 'bool' : typeof value
}

function toExpectedKind(type: GoType): string {
  if (type.startsWith('[]') || type === 'api.Tools') return 'array'
  if (type.startsWith('map')) return 'object'
  return type === 'int' ? 'number' : type
}

/** @throws OllamaError 400 with the text of Go's decoder (captures/error-body-type) */
function refuse(value: unknown, where: string): never {
  throw new OllamaError(400, `json: cannot unmarshal ${toGoKind(value)} into Go ${where}`)
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Checks the types of an object's `fields`. `null` means unset. Unknown fields are ignored.
 * @throws OllamaError 400. Its text contains `path`, or `ofValue` if the value is no object.
 */
export function parseFields(value: unknown, path: string, fields: Fields, ofValue: string): Record<string, unknown> {
  if (!isObject(value)) return refuse(value, ofValue)
  for (const [name, type] of Object.entries(fields)) {
    const field = value[name] ?? undefined
    if (field !== undefined && toGoKind(field) !== toExpectedKind(type))
      refuse(field, `struct field ${path}.${name} of type ${type}`)
  }
  return value
}

/**
 * Parses a body into an object and checks the types of its `fields`.
 * @param struct the name of the body's type in Ollama's source, which error texts contain
 * @throws OllamaError 400
 */
export function parseBody(text: string, struct: string, fields: Fields): Record<string, unknown> {
  const trimmed = text.trim()
  if (trimmed === '') throw new OllamaError(400, 'missing request body')
  return parseFields(parseJson(trimmed), struct, fields, `value of type api.${struct}`)
}

/**
 * Parses JSON. Invalid JSON throws one of the two most common errors of Go's decoder. The second
 * one also replaces Go's rarer errors, such as the error about a trailing comma.
 */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    if (/^[[{"\d\-tfn]/.test(text)) throw new OllamaError(400, 'unexpected EOF')
    throw new OllamaError(400, `invalid character '${text.charAt(0)}' looking for beginning of value`)
  }
}
