import type { GenerationCall } from '../../generation.ts'
import type { Ignored } from '../ignored.ts'
import { present, toOptions } from '../to-ollama.ts'
import type { PlainRequest } from './schema.ts'

/** Only the text has another name in Ollama's request. */
export function toCall({ text, model, options, ...rest }: PlainRequest, ignored: Ignored): GenerationCall {
  const body = present({ ...rest, options: toOptions(options, ignored), prompt: text })
  return { endpoint: 'generate', model: model ?? undefined, body, thinkWish: 'think' }
}
