import type { Random } from '../random.ts'

/** A value of each type, as JSON text. */
const types = 'null true "a" "" 5 -1 0.5 [] {} [5] ["a"] [[5]] [{}] [null] {"a":1}'.split(' ')
/** Replacements for values: other types, other sizes, odd characters. Some are not JSON. */
const oddities: readonly string[] = [
  `null true false [] {} "" [null] [[]] [{}] {"":""} {"a":{"a":{"a":1}}} 0 -0 -1 1 0.5 1e3 1e-400 1e400 -1e400`,
  String.raw`9007199254740993 1e16 2147483648 "5" "true" "\u0000" "\ud800" "\udc00\ud800" "\u2028" "\r\n\r\ndata:x" "👩‍👩‍👧" "\ufeff"`,
  String.raw`"\u202e" "е" {"__proto__":{"a":1}} {"constructor":{"prototype":{}}} {"toString":1,"valueOf":1} {"length":-1} {"then":1}`,
  `NaN Infinity undefined 'a' 0x10 /**/1 " [ { ] } , "../../x" "http://evil/x" "file:///etc/passwd" "data:image/png;base64,?"`,
  `"data:," "gemma3:cloud" "json" "auto" "high" "assistant" "system" "tool" "text" "function" "999h"`,
]
  .flatMap((texts) => texts.split(' '))
  .concat(types)
  .concat(
    ['', ' ', '" "', '1 2', `"${'x'.repeat(10_000)}"`, `[${'0,'.repeat(500)}0]`],
    [`${'['.repeat(40)}${']'.repeat(40)}`, `${'{"a":'.repeat(40)}1${'}'.repeat(40)}`],
  )

/** The place of a value: the object or list that contains it, and its key. */
interface Spot {
  readonly holder: Record<string, unknown>
  readonly key: string
}

function spotsOf(value: unknown): Spot[] {
  if (typeof value !== 'object' || value === null) return []
  const holder = value as Record<string, unknown>
  return Object.keys(holder).flatMap((key) => [{ holder, key }, ...spotsOf(holder[key])])
}

/**
 * Returns a placeholder for a random value: in half of the cases an ordinary value, and otherwise
 * an odd one. `mutateJson` replaces the placeholder in the JSON text with the value.
 */
function mark(random: Random): string {
  const text = random(2) === 0 ? random.pick(types) : random.pick(oddities)
  return `\u0001${oddities.indexOf(text)}\u0001`
}

type Change = (random: Random, spot: Spot, other: Spot) => void

const changes: readonly Change[] = [
  (random, { holder, key }) => (holder[key] = mark(random)),
  (random, { holder, key }) => (holder[key] = mark(random)),
  // Replaces a value with a value of `other`.
  (_, { holder, key }, other) => (holder[key] = other.holder[other.key]),
  (_, { holder, key }, other) => (holder[other.key] = holder[key]),
  (_, { holder, key }) => delete holder[key],
  (_, { holder, key }) => (holder[key] = [holder[key]]),
  (_, { holder, key }) => (holder[key] = String(holder[key])),
  (random, { holder, key }) => (holder[mark(random)] = holder[key]),
  // Writes the same key twice.
  (_, { holder, key }) => (holder[`${key}\u0002`] = holder[key]),
  // Makes a long list of equal items: the first item of the value, or an odd value.
  (random, { holder, key }) => {
    const value = holder[key]
    const item: unknown = Array.isArray(value) && random(2) === 0 ? value[0] : mark(random)
    holder[key] = Array.from({ length: 1 + random(20) }, () => item)
  },
]

/**
 * Writes a JSON value with some of its fields changed. In most cases the text is still JSON. Some
 * parts come from `other`.
 */
export function mutateJson(random: Random, value: object, other: object): string {
  const changed: unknown = structuredClone(value)
  for (let left = random(4); left > 0; left--) {
    const [spots, others] = [spotsOf(changed), spotsOf(other)]
    if (spots.length > 0 && others.length > 0)
      random.pick(changes)(random, random.pick(spots), structuredClone(random.pick(others)))
  }
  return JSON.stringify(changed)
    .replaceAll(/"\\u0001(\d+)\\u0001"/g, (_, index: string) => oddities[Number(index)]!)
    .replaceAll('\\u0002', '')
}

const insertions = [
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '\n',
  '\r',
  '\0',
  '\ufeff',
  ' ',
  'null',
  '"a":1,',
  '\ud83d\ude00',
  'e9',
  '\\u0000',
]

/**
 * Returns a copy with one kind of change: bits are flipped, bytes are dropped, inserted or
 * repeated, the end is cut off, or the end is replaced with bytes of `other`.
 */
export function mutateBytes(random: Random, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  const at = random(bytes.length + 1)
  const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)]
  switch (random(6)) {
    case 0: {
      const flipped = Uint8Array.from(bytes)
      for (let left = random(3); left >= 0 && bytes.length > 0; left--) flipped[random(bytes.length)]! ^= 1 << random(8)
      return flipped
    }
    case 1:
      return head
    case 2:
      return Buffer.concat([head, tail.subarray(random(20))])
    case 3:
      return Buffer.concat([head, Buffer.from(random.pick(insertions)), tail])
    case 4:
      return Buffer.concat([head, other.subarray(random(other.length + 1))])
    default:
      return Buffer.concat([head, head.subarray(random(head.length + 1)), tail])
  }
}
