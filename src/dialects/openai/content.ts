import * as v from 'valibot'
import { notSupported } from '../issues.ts'
import type { OllamaMessage } from '../to-ollama.ts'

/** What Ollama can take of one part of a message. */
export type OllamaPart = { readonly text: string } | { readonly image: string }

/**
 * The content of a message, whichever API it is of. Ollama has one text and a list of images: the
 * texts become lines of it, and the images keep their order.
 * @param toPart turns one part into Ollama's, or throws
 */
export function toContent<TPart>(
  content: string | readonly TPart[],
  path: string,
  toPart: (part: TPart, path: string) => OllamaPart,
): Pick<OllamaMessage, 'content' | 'images'> {
  if (typeof content === 'string') return { content }
  const parts = content.map((part, i) => toPart(part, `${path}.${i}`))
  const texts = parts.flatMap((part) => ('text' in part ? [part.text] : []))
  const images = parts.flatMap((part) => ('image' in part ? [part.image] : []))
  return { content: texts.join('\n'), ...(images.length > 0 && { images }) }
}

const token = v.number()
const expected = 'Expected a text that is not empty, or a list of texts'

/** A prompt, or the input of an embedding. OpenAI takes tokens there too. */
export const texts = v.union(
  [
    v.pipe(v.string(), v.minLength(1, expected)),
    v.pipe(v.array(v.string()), v.minLength(1, expected)),
    v.pipe(v.array(token), v.minLength(1, expected)),
    v.pipe(v.array(v.array(token)), v.minLength(1, expected)),
  ],
  expected,
)

/** @throws ServiceError `not_supported` for tokens */
export function toTexts(texts: string | readonly (string | number | readonly number[])[], path: string): string | string[] {
  if (typeof texts === 'string') return texts
  if (texts.every((text) => typeof text === 'string')) return [...texts]
  throw notSupported(path, 'send texts; tokens are another model’s')
}
