import * as v from 'valibot'
import { boolean, integer, string } from '../fields.ts'
import { invalidRequest } from '../invalid-request.ts'
import { notSupported } from '../not-supported.ts'
import { parse } from '../parse.ts'
import { present } from '../present.ts'
import { refuse, whenGiven, whenMany, type Refusals } from '../refuse.ts'
import { sampling, samplingRefusals, toSampling } from './sampling.ts'
import { texts, toTexts } from './texts.ts'

const completionRequest = v.object({ ...sampling, prompt: texts, suffix: string, echo: boolean, best_of: integer })

const refusals: Refusals = {
  ...samplingRefusals,
  best_of: { when: whenMany, because: 'there is one answer to a request' },
  echo: { when: (value) => value === true, because: 'the answer is only what comes after the prompt' },
  logprobs: { when: whenGiven, because: 'ask for them at /v1/chat/completions' },
}

/** A text to complete → Ollama's generate. @throws ServiceError `invalid_request`, `not_supported` */
export function toCompletion(body: Readonly<Record<string, unknown>>) {
  const request = parse(completionRequest, body)
  refuse(body, refusals)
  return {
    call: {
      endpoint: 'generate' as const,
      model: request.model ?? undefined,
      body: present({ prompt: toPrompt(toTexts(request.prompt, 'prompt')), suffix: request.suffix, ...toSampling(request) }),
    },
    stream: request.stream ?? false,
    includeUsage: request.stream_options?.include_usage ?? false,
  }
}

function toPrompt(texts: string | readonly string[]): string {
  const [prompt = '', ...more] = [texts].flat()
  // It would load the model, and that is no answer (docs/ollama.md §1).
  if (prompt === '') throw invalidRequest('prompt', 'Expected a text that is not empty')
  if (more.length > 0) throw notSupported('prompt', 'there is one answer to a request: send one text')
  return prompt
}
