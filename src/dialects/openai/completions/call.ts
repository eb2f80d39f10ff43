import type { GenerationCall } from '../../../generation.ts'
import { invalidRequest } from '../../issues.ts'
import { refused } from '../../refusals.ts'
import { present } from '../../to-ollama.ts'
import { toTexts } from '../texts.ts'
import { toSampling, toThinkWish } from '../sampling.ts'
import type { CompletionRequest } from './schema.ts'

/**
 * Converts a completion request into a generate request for Ollama.
 * @throws ServiceError `invalid_request`, `not_supported`
 */
export function toCompletionCall(request: CompletionRequest): GenerationCall {
  const body = { prompt: toPrompt(request.prompt), suffix: request.suffix, ...toSampling(request) }
  return { endpoint: 'generate', model: request.model ?? undefined, body: present(body), ...toThinkWish(request) }
}

function toPrompt(texts: CompletionRequest['prompt']): string {
  const [prompt = '', ...more] = [toTexts(texts, 'prompt')].flat()
  // Without a prompt Ollama would only load the model and not answer (docs/ollama.md#1-stream).
  if (prompt === '') throw invalidRequest('prompt', 'Expected a text that is not empty')
  if (more.length > 0) throw refused('prompt', 'answers')
  return prompt
}
