import * as v from 'valibot'
import type { Ignored } from './ignored.ts'
import { parse } from './issues.ts'
import { refused, type Reason } from './refusals.ts'
import { isAbsent } from './to-ollama.ts'

/** How a dialect treats the fields of a request. */
export interface FieldRules<TEntries extends v.ObjectEntries> {
  /** The fields that the dialect supports. */
  readonly schema: v.ObjectSchema<TEntries, undefined>
  /**
   * Fields that a client relies on. An invalid value of such a field is an error. An invalid value
   * of any other field is ignored and reported in `ignored`.
   */
  readonly needed: readonly (keyof TEntries & string)[]
  /** Fields that are an error if `when` returns true for their value. */
  readonly refusals?: Readonly<Record<string, { readonly when: (value: unknown) => boolean; readonly reason: Reason }>>
  /** Fields that are reported as ignored if the function returns true for their value. */
  readonly wishes?: Readonly<Record<string, (value: unknown) => boolean>>
  /** Fields that cannot change the answer, such as ids and cache hints. They are not reported. */
  readonly hints?: readonly string[]
}

type Fields = Readonly<Record<string, unknown>>

/**
 * Reads a request field by field. An empty field counts as absent.
 * @throws ServiceError `not_supported` for a refused value, `invalid_request` for a needed field
 * with a wrong value
 */
export function readRequest<TEntries extends v.ObjectEntries>(
  body: Fields,
  { schema, needed, refusals = {}, wishes = {}, hints = [] }: FieldRules<TEntries>,
  ignored: Ignored,
): v.InferOutput<v.ObjectSchema<TEntries, undefined>> {
  const given = Object.entries(body).filter(([, value]) => !isAbsent(value))
  for (const [name, value] of given) {
    const refusal = lookUp(refusals, name)
    if (refusal?.when(value)) throw refused(name, refusal.reason)
  }
  const read: Record<string, unknown> = {}
  let unknown = 0
  for (const [name, value] of given) {
    const entry = lookUp<v.GenericSchema>(schema.entries, name)
    const wish = lookUp(wishes, name)
    if (wish?.(value) || (entry && !needed.includes(name) && !v.is(entry, value))) ignored.add(name)
    else if (entry) read[name] = value
    else if (!wish && !lookUp(refusals, name) && !hints.includes(name)) unknown++
  }
  ignored.addUnknown(unknown)
  return parse(schema, read)
}

/** Ignores inherited properties, because a request may have a field with the name `constructor`. */
function lookUp<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined
}

export const whenGiven = () => true
