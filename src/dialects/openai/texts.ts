import * as v from 'valibot'
import type { ExactNumber } from '../../exact-json.ts'
import { refused } from '../refusals.ts'
import { exactNumber } from '../to-ollama.ts'

const expected = 'Expected a text or a list of texts'

/**
 * A prompt, or the input of an embedding. OpenAI also accepts token numbers there. `toTexts`
 * refuses them.
 */
export const texts = v.union([v.string(), v.array(v.string()), v.array(exactNumber), v.array(v.array(exactNumber))], expected)

/** @throws ServiceError `not_supported` for tokens */
export function toTexts(
  texts: string | readonly (string | ExactNumber | readonly ExactNumber[])[],
  path: string,
): string | string[] {
  if (typeof texts === 'string') return texts
  if (texts.every((text) => typeof text === 'string')) return [...texts]
  throw refused(path, 'tokens')
}
