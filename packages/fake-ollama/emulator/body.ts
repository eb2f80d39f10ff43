import { OllamaError } from './ollama-error.ts'

/** A field's type in Ollama's Go source; the error text names it. */
type GoType = 'string' | 'bool' | 'int' | 'map[string]interface {}' | `[]${string}` | 'api.Tools'
export type Fields = Readonly<Record<string, GoType>>

/** Go's name for a JSON value's kind. */
export function toGoKind(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  return typeof value === 'boolean' ? 'bool' : typeof value
}

function toExpectedKind(type: GoType): string {
  if (type.startsWith('[]') || type === 'api.Tools') return 'array'
  if (type.startsWith('map')) return 'object'
  return type === 'int' ? 'number' : type
}

/**
 * Checks the fields that are there; `null` is unset, unknown fields pass.
 * @throws OllamaError 400 in the words of Go's decoder (captures/error-body-type)
 */
export function checkFields(value: Readonly<Record<string, unknown>>, path: string, fields: Fields): void {
  for (const [name, type] of Object.entries(fields)) {
    const field = value[name]
    if (field === undefined || field === null || toGoKind(field) === toExpectedKind(type)) continue
    throw new OllamaError(400, `json: cannot unmarshal ${toGoKind(field)} into Go struct field ${path}.${name} of type ${type}`)
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Parses a body into an object whose `fields` have their type. `struct` is its name in Ollama's source, which error texts repeat. */
export function parseBody(text: string, struct: string, fields: Fields): Record<string, unknown> {
  const trimmed = text.trim()
  if (trimmed === '') throw new OllamaError(400, 'missing request body')
  const body = parseJson(trimmed)
  if (!isObject(body))
    throw new OllamaError(400, `json: cannot unmarshal ${toGoKind(body)} into Go value of type api.${struct}`)
  checkFields(body, struct, fields)
  return body
}

/** Go's two commonest complaints; its others, such as that about a trailing comma, come out as the second. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    const starts = /^[[{"\d\-tfn]/.test(text)
    throw new OllamaError(
      400,
      starts ? 'unexpected EOF' : `invalid character '${text.charAt(0)}' looking for beginning of value`,
    )
  }
}
