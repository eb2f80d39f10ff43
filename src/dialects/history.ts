import { isNumber, isObject, parseExact } from '../exact-json.ts'
import type { Ignored } from './ignored.ts'
import { invalidRequest } from './issues.ts'
import { refused } from './refusals.ts'
import { isBase64 } from './to-ollama.ts'

/**
 * Clients repeat the whole conversation in every request. If Sluice refused something that a model
 * or another server wrote, every later request of the conversation would also fail. So such content
 * is never refused. Content that Ollama cannot read is replaced by a text.
 */

/** The position of a part of a message in the request. */
export interface Place {
  /** The path of the part. It contains only field names of the API and indices. */
  readonly path: string
  /** Whether the part belongs to the last message of the user, which the model will answer. */
  readonly isLast: boolean
  readonly ignored: Ignored
}

/** One part of a message in a form that Ollama can read. */
export type OllamaPart = { readonly text: string } | { readonly image: string }

/** The index of the user's last message, or -1 if there is none. */
export function toLastUser(messages: readonly { readonly role?: unknown }[]): number {
  return messages.findLastIndex(({ role }) => role === 'user')
}

/**
 * Leaves out a part that Ollama cannot read. Adds the path of the part to `ignored`, and returns a
 * text that replaces the part.
 * @param kind the name of the part in the replacement text, for example `document`
 */
export function leaveOut(kind: string, { path, ignored }: Place): { text: string } {
  ignored.add(path)
  return { text: `[${kind} left out]` }
}

/** An image that the request itself contains. */
export interface ImageData {
  readonly mediaType: string
  readonly data: string
}

/**
 * The image in a data URL. Returns undefined for any other URL, because Sluice does not fetch URLs.
 */
export function toImageData(url: unknown): ImageData | undefined {
  const [, mediaType, data] = /^data:([^,;]*)(?:;[^,]*)?;base64,(.*)$/is.exec(typeof url === 'string' ? url : '') ?? []
  return mediaType === undefined ? undefined : { mediaType, data: data! }
}

/**
 * Converts an image for Ollama. If Ollama cannot read an image in the user's last message, the
 * request is refused. In any other message, a text replaces the image. Images at a URL are not
 * fetched, because a client must not choose which hosts the server connects to.
 * @param image undefined if the request contains no image data, for example only a URL
 * @throws ServiceError `not_supported` for an image without data, `invalid_request` for data that
 * is no image in base64
 */
export function toImage(image: ImageData | undefined, place: Place): OllamaPart {
  // The media type may be empty, because Ollama's `/v1` also accepts data URLs without a type.
  if (image && /^(?:image\/[\w.+-]+)?$/i.test(image.mediaType) && isBase64(image.data)) return { image: image.data }
  if (!place.isLast) return leaveOut('image', place)
  throw image ? invalidRequest(place.path, 'Expected an image in base64') : refused(place.path, 'image')
}

/** The maximum nesting depth of arguments (docs/protocol.md#4-errors, `invalid_json`). */
const maxDepth = 32

/**
 * Converts the arguments of an earlier tool call into the object that Ollama requires. In other
 * APIs, the arguments are JSON text. A model wrote this text, so it can be invalid. If the text is
 * invalid or is not a JSON object, or if it is nested too deeply, the result is an object with this
 * text in the field `_raw`.
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

/**
 * Converts any value into text. null and undefined become ''. Any other value that is not a text
 * becomes JSON.
 */
export function toText(value: unknown): string {
  if (typeof value === 'string') return value
  return value === undefined || value === null ? '' : JSON.stringify(value)
}

/**
 * Returns the text of a message part of any API. Most parts have their text in `text`, `refusal`,
 * `thinking` or `content`. Any other part is left out. A value without these fields and without
 * a `type` is not a part but the result of a tool. It is converted with `toText`.
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
 * Converts the content of a message of any API. A message of Ollama has one text and a list of
 * images. So the texts are joined, and the images are collected in order.
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
