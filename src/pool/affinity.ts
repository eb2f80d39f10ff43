import { isObject } from '../exact-json.ts'

/** How much of a message tells conversations apart, in UTF-16 code units. */
const maxLength = 1024

/**
 * Returns a number for the conversation of a request, or undefined if it is of none. Its host has
 * read the beginning of the conversation already. All requests of a conversation have the caller,
 * the model, and the session or the first message of the user. The system prompt does not count,
 * because many conversations share it.
 */
export function toConversation(
  body: Readonly<Record<string, unknown>>,
  { principal = '', model, session }: { principal?: string | undefined; model: string; session?: string | undefined },
): number | undefined {
  const topic = session ?? toFirstWords(body)
  if (topic === undefined || topic === '') return undefined
  return hash(topic, hash(model, hash(principal, 0)))
}

/**
 * Returns the score of a host for a conversation, which is above 0. The host with the best score is
 * the same each time. If it is missing, its conversations spread over all others (weighted
 * rendezvous hashing).
 */
export function toScore(conversation: number, hostHash: number, weight: number): number {
  return -weight / Math.log((mix(conversation ^ hostHash) + 0.5) / 2 ** 32)
}

/** FNV-1a over the first code units of a text. `seed` is the hash of what comes before it. */
export function hash(text: string, seed: number): number {
  let value = (0x811c9dc5 ^ mix(seed + text.length)) >>> 0
  const length = Math.min(text.length, maxLength)
  for (let i = 0; i < length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0
  return value
}

/** Spreads a number over 32 bits (the finalizer of MurmurHash3). */
function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

function toFirstWords({ messages, prompt }: Readonly<Record<string, unknown>>): string | undefined {
  if (typeof prompt === 'string') return prompt
  if (!Array.isArray(messages)) return undefined
  const first = messages.find((message: unknown) => isObject(message) && message.role === 'user') as
    | { content?: unknown }
    | undefined
  return typeof first?.content === 'string' ? first.content : undefined
}
