import * as v from 'valibot'
import { refused } from '../refusals.ts'

const token = v.number()
const expected = 'Expected a text or a list of texts'

/** A prompt, or the input of an embedding. OpenAI takes tokens there too. */
export const texts = v.union([v.string(), v.array(v.string()), v.array(token), v.array(v.array(token))], expected)

/** @throws ServiceError `not_supported` for tokens */
export function toTexts(texts: string | readonly (string | number | readonly number[])[], path: string): string | string[] {
  if (typeof texts === 'string') return texts
  if (texts.every((text) => typeof text === 'string')) return [...texts]
  throw refused(path, 'tokens')
}
