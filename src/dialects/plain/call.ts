import type { GenerationCall } from '../../generation.ts'
import type { Ignored } from '../ignored.ts'
import { present, toOptions } from '../to-ollama.ts'
import type { PlainRequest } from './schema.ts'

/** Returns a generate request. `text` becomes `prompt`, and all other fields keep their names. */
export function toCall({ text, model, options, ...rest }: PlainRequest, ignored: Ignored): GenerationCall {
  const body = present({ ...rest, options: toOptions(options, ignored), prompt: text })
  return { endpoint: 'generate', model: model ?? undefined, body, thinkWish: 'think' }
}
