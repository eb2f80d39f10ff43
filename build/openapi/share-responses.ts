import type { JsonSchema } from './json-schema.ts'

interface Operation {
  readonly [field: string]: unknown
  readonly operationId: string
  readonly responses: Readonly<Record<string, JsonSchema>>
}
type Paths<TOperation> = Readonly<Record<string, Readonly<Record<string, TOperation>>>>

/**
 * Replaces each response by a reference, so that equal ones stand in the document once. A response
 * has the name of the first operation that has it.
 */
export function shareResponses(paths: Paths<Operation>) {
  const names = new Map<string, string>()
  const responses: Record<string, JsonSchema> = {}

  function toShared(response: JsonSchema, name: string): JsonSchema {
    const text = JSON.stringify(response)
    const known = names.get(text)
    if (known === undefined) {
      names.set(text, name)
      responses[name] = response
    }
    return { $ref: `#/components/responses/${known ?? name}` }
  }

  const toSharing = (operation: Operation) => ({
    ...operation,
    responses: mapValues(operation.responses, (response, status) => toShared(response, `${operation.operationId}-${status}`)),
  })
  return { paths: mapValues(paths, (item) => mapValues(item, toSharing)), responses }
}

function mapValues<T, R>(values: Readonly<Record<string, T>>, to: (value: T, name: string) => R): Readonly<Record<string, R>> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, to(value, name)]))
}
