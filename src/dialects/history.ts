import { isNumber, isObject, parseExact } from '../exact-json.ts'
import type { Ignored } from './ignored.ts'
import { invalidRequest } from './issues.ts'
import { refused } from './refusals.ts'
import { isBase64 } from './to-ollama.ts'

/**
 * What a model or another server wrote is never refused, because it comes again in every later
 * request of its conversation. What Ollama cannot take becomes the nearest text that the next
 * model can read.
 */

/** Where a part of a message stands. */
export interface Place {
  /** The path of the part, made of our own names and of indices. */
  readonly path: string
  /** Whether the message is the last one of the user, so that the answer is about it. */
  readonly isLast: boolean
  readonly ignored: Ignored
}

/** What Ollama can take of one part of a message. */
export type OllamaPart = { readonly text: string } | { readonly image: string }

/** The index of the user's last message; -1 if there is none. */
export function toLastUser(messages: readonly { readonly role?: unknown }[]): number {
  return messages.findLastIndex(({ role }) => role === 'user')
}

/** Stands for a part that Ollama cannot take. `kind` is a word of ours, such as `document`. */
export function leaveOut(kind: string, { path, ignored }: Place): { text: string } {
  ignored.add(path)
  return { text: `[${kind} left out]` }
}

/** An image within a request. */
export interface ImageData {
  readonly mediaType: string
  readonly data: string
}

/** The image of a data URL; undefined for any other URL, which is not fetched. */
export function toImageData(url: unknown): ImageData | undefined {
  const [, mediaType, data] = /^data:([^,;]*)(?:;[^,]*)?;base64,(.*)$/is.exec(typeof url === 'string' ? url : '') ?? []
  return mediaType === undefined ? undefined : { mediaType, data: data! }
}

/**
 * An image for Ollama. An image that Ollama cannot take is an error in the user's last message, and
 * becomes a text in the history. An image elsewhere is not fetched, because a reader must not
 * choose what the server connects to.
 * @param image undefined if it is elsewhere
 * @throws ServiceError `not_supported` for an image elsewhere, `invalid_request` for data that is
 * no image in base64
 */
export function toImage(image: ImageData | undefined, place: Place): OllamaPart {
  // Ollama's own `/v1` takes data URLs without a type too.
  if (image && /^(?:image\/[\w.+-]+)?$/i.test(image.mediaType) && isBase64(image.data)) return { image: image.data }
  if (!place.isLast) return leaveOut('image', place)
  throw image ? invalidRequest(place.path, 'Expected an image in base64') : refused(place.path, 'image')
}

/** How deep arguments may be nested (docs/protocol.md#4-errors, `invalid_json`). */
const maxDepth = 32

/**
 * The arguments of an earlier tool call, as the object that Ollama wants. Other APIs have JSON
 * text, and a weak model may have written it badly. Bad text is kept as `_raw` for the next model.
 */
export function toArguments(given: unknown): object {
  if (typeof given === 'string' && given.trim() === '') return {}
  const value = typeof given === 'string' ? parseText(given) : (given ?? {})
  if (value === null) return {}
  if (isObject(value) && isWithin(value, maxDepth)) return value
  return { _raw: typeof given === 'string' ? given : JSON.stringify(given) }
}

function parseText(text: string): unknown {
  try {
    return parseExact(text)
  } catch {
    return undefined
  }
}

function isWithin(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null || isNumber(value)) return true
  return depth > 0 && Object.values(value).every((inner) => isWithin(inner, depth - 1))
}

/** A value of unknown shape as text. A value that is no text becomes JSON. */
export function toText(value: unknown): string {
  if (typeof value === 'string') return value
  return value === undefined || value === null ? '' : JSON.stringify(value)
}

/**
 * The text of a part of any API. Most parts have it under one of these names, and others are left
 * out. A value without a type is no part but the result of a tool, and becomes JSON.
 */
export function toTextPart(part: unknown, place: Place): { text: string } {
  const { type, text, refusal, thinking, content } = isObject(part) ? part : {}
  const found = [text, refusal, thinking, content].find((value) => typeof value === 'string')
  if (found !== undefined) return { text: found }
  if (typeof type !== 'string') return { text: toText(part) }
  const [kind = 'part'] = /audio|document|file|image|video/.exec(type) ?? []
  return leaveOut(kind, place)
}

/**
 * The content of a message of any API. Ollama has one text and a list of images, so the texts are
 * joined, and the images keep their order.
 */
export function toContent(
  content: unknown,
  place: Place,
  toPart: (part: unknown, place: Place) => OllamaPart | undefined,
  separator = '\n',
): { content: string; images?: string[] } {
  if (!Array.isArray(content)) return { content: toText(content) }
  const parts = content.flatMap((part, i) => toPart(part, { ...place, path: `${place.path}.${i}` }) ?? [])
  const texts = parts.flatMap((part) => ('text' in part ? [part.text] : []))
  const images = parts.flatMap((part) => ('image' in part ? [part.image] : []))
  return { content: texts.join(separator), ...(images.length > 0 && { images }) }
}
