import type { GenerationCall } from '../../generation.ts'
import type { PlainRequest } from './schema.ts'

/** Only the text has another name in Ollama's request. */
export function toCall({ text, model, ...rest }: PlainRequest): GenerationCall {
  return { endpoint: 'generate', model: model ?? undefined, body: { ...rest, prompt: text }, thinkWish: 'think' }
}
