import type { GenerationCall } from '../../../generation.ts'
import { invalidRequest, notSupported } from '../../issues.ts'
import { present } from '../../to-ollama.ts'
import { toTexts } from '../content.ts'
import { toSampling } from '../sampling.ts'
import type { CompletionRequest } from './schema.ts'

/** As Ollama's generate. @throws ServiceError `invalid_request`, `not_supported` */
export function toCompletionCall(request: CompletionRequest): GenerationCall {
  const body = { prompt: toPrompt(request.prompt), suffix: request.suffix, ...toSampling(request) }
  return { endpoint: 'generate', model: request.model ?? undefined, body: present(body) }
}

function toPrompt(texts: CompletionRequest['prompt']): string {
  const [prompt = '', ...more] = [toTexts(texts, 'prompt')].flat()
  // It would load the model, and that is no answer (docs/ollama.md §1).
  if (prompt === '') throw invalidRequest('prompt', 'Expected a text that is not empty')
  if (more.length > 0) throw notSupported('prompt', 'there is one answer to a request: send one text')
  return prompt
}
