import { isObject } from './body.ts'
import { pick, type Random } from './seeded.ts'
import { createWords, type Words } from './words.ts'

type Schema = Readonly<Record<string, unknown>>

interface Source {
  words: Words
  random: Random
  /**
   * Whether to leave out the properties that the schema does not require. In a tool call they are
   * left out.
   */
  requiredOnly: boolean
}

/**
 * Limits for a schema that refers to itself. In objects nested deeper than `maxOptionalDepth`, only
 * required properties are filled in. After `maxValues` values, every further value is null.
 * `maxHops` limits the references that follow one another.
 */
const maxOptionalDepth = 6
const maxValues = 1000
const maxHops = 16

/**
 * Makes a JSON answer: a fixed shape for `"json"`, or else a value that conforms to the schema.
 */
export function toFormatted(format: unknown, question: string, random: Random): string {
  const words = createWords(question)
  if (isObject(format)) return JSON.stringify(toSchemaValue(format, { words, random, requiredOnly: false }))
  const answer = 'This JSON was made up by the demo of Sluice'
  return JSON.stringify({ answer, question, lucky_number: 1 + Math.floor(random() * 99) })
}

/**
 * Makes a value that conforms to a JSON schema, with the words of a message. It supports type,
 * properties, required, items, enum, const, the bounds of numbers, strings and arrays, common
 * formats, anyOf, oneOf, allOf and `$ref`. It ignores patterns.
 */
export function toSchemaValue(schema: unknown, source: Source): unknown {
  const root = asObject(schema)
  let values = 0
  return toValue(root, '', 0)

  function toValue(given: unknown, key: string, depth: number): unknown {
    if (++values > maxValues) return null
    const node = resolve(given)
    if ('const' in node) return node.const
    if (Array.isArray(node.enum)) return toChoice(node.enum)
    const type = toType(node)
    if (type === 'object') return toObject(node, depth)
    if (type === 'array') return toArray(node, key, depth)
    if (type === 'integer' || type === 'number') return toNumber(node, type === 'integer')
    if (type === 'boolean') return !/\b(no|not|off|without|don't)\b/i.test(source.words.message)
    return type === 'null' ? null : toText(node, key)
  }

  /**
   * Resolves a schema: it follows the reference, takes the first alternative, or merges the parts
   * of `allOf`.
   */
  function resolve(given: unknown, hops = 0): Schema {
    const { allOf, ...node } = asObject(given)
    const [alternative] = [...asList(node.anyOf), ...asList(node.oneOf)]
    if (hops === maxHops) return node
    if (typeof node.$ref === 'string') return resolve(follow(node.$ref), hops + 1)
    if (alternative !== undefined) return resolve(alternative, hops + 1)
    return Array.isArray(allOf) ? resolve(allOf.reduce(merge, node), hops + 1) : node
  }

  function follow(ref: string): Schema {
    let found: unknown = root
    for (const part of ref.replace(/^#/, '').split('/').filter(Boolean)) found = asObject(found)[part]
    return asObject(found)
  }

  /**
   * Merges one part of `allOf`. It follows only one reference and drops nested `allOf` parts,
   * because both could be endless.
   */
  function merge(all: Schema, given: unknown): Schema {
    const { $ref } = asObject(given)
    const { allOf: _, ...part } = typeof $ref === 'string' ? follow($ref) : asObject(given)
    const properties = { ...asObject(all.properties), ...asObject(part.properties) }
    return { ...all, ...part, properties, required: [...asList(all.required), ...asList(part.required)] }
  }

  function toChoice(values: unknown[]): unknown {
    const mentioned = values.find((value) => typeof value === 'string' && source.words.mentions(value))
    return mentioned ?? pick(source.random, values as [unknown, ...unknown[]])
  }

  function toObject(node: Schema, depth: number): Record<string, unknown> {
    const properties = asObject(node.properties)
    const required = asList(node.required)
    const onlyRequired = depth > maxOptionalDepth || (source.requiredOnly && required.length > 0)
    const keys = onlyRequired ? required : [...Object.keys(properties), ...required]
    const distinct = new Set(keys.map(String))
    return Object.fromEntries(Array.from(distinct, (key) => [key, toValue(properties[key], key, depth + 1)]))
  }

  function toArray(node: Schema, key: string, depth: number): unknown[] {
    const least = toBound(node.minItems, 0)
    const length = Math.max(least, Math.min(depth > maxOptionalDepth ? 0 : 2, toBound(node.maxItems, 2)))
    return Array.from({ length: Math.min(length, maxValues) }, () => toValue(node.items, key, depth + 1))
  }

  function toNumber(node: Schema, whole: boolean): number {
    const unit = whole ? 1 : 0.001
    const low = Math.max(toBound(node.minimum, -Infinity), toBound(node.exclusiveMinimum, -Infinity) + unit)
    const high = Math.min(toBound(node.maximum, Infinity), toBound(node.exclusiveMaximum, Infinity) - unit)
    const clamp = (value: number) => Math.min(Math.max(value, whole ? Math.ceil(low) : low), whole ? Math.floor(high) : high)
    const wanted = source.words.number() ?? 1 + Math.floor(source.random() * 20)
    const step = toBound(node.multipleOf, 0)
    const value = clamp(whole ? Math.round(wanted) : wanted)
    if (step <= 0) return value
    const below = Math.floor(value / step) * step
    return below >= low ? below : below + step
  }

  function toText(node: Schema, key: string): string {
    const formatted = typeof node.format === 'string' ? formats[node.format]?.(source.words) : undefined
    const text =
      formatted ?? (wholeMessage.test(key) ? source.words.message : undefined) ?? source.words.name() ?? `demo ${key}`.trim()
    const chars = Array.from(text).slice(0, Math.min(toBound(node.maxLength, 200), 200))
    return chars.join('') + '.'.repeat(Math.max(0, Math.min(toBound(node.minLength, 0), 1000) - chars.length))
  }
}

/** Names of properties that get the user's whole message as their value, not one word of it. */
const wholeMessage = /^(query|question|prompt|message|text|content|input|search|keywords?|q)$/i

const formats: Readonly<Record<string, (words: Words) => string>> = {
  date: (words) => words.date() ?? '2026-11-22',
  time: () => '10:14:00Z',
  'date-time': (words) => `${words.date() ?? '2026-11-22'}T10:14:00Z`,
  email: () => 'demo@example.com',
  uri: () => 'https://example.com/demo',
  uuid: () => '00000000-0000-4000-8000-000000000000',
}

function toType({ type, properties, items }: Schema): unknown {
  if (Array.isArray(type)) return type.find((name) => name !== 'null') ?? 'null'
  return type ?? (properties ? 'object' : items ? 'array' : 'string')
}

function toBound(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise
}

function asObject(value: unknown): Schema {
  return isObject(value) ? value : {}
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}
