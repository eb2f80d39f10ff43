import { notSupported } from '../not-supported.ts'
import { whenGiven, type Refusals } from '../refuse.ts'
import type { ResponsesRequest } from './schema.ts'

const stateless = 'nothing is stored; send all that was said so far as input'

/** Looked at before the shape is checked: with a template there may be no input. */
export const refusals: Refusals = {
  previous_response_id: { when: whenGiven, because: stateless },
  conversation: { when: whenGiven, because: stateless },
  store: { when: (value) => value === true, because: stateless },
  background: { when: (value) => value === true, because: 'nothing is stored; the answer comes with its request' },
  prompt: { when: whenGiven, because: 'templates are stored at OpenAI; send instructions and input' },
  truncation: { when: (value) => value === 'auto', because: 'Ollama shortens what its context does not hold in its own way' },
  context_management: { when: (value) => Array.isArray(value) && value.length > 0, because: 'nothing is compacted' },
  moderation: { when: whenGiven, because: 'nothing is moderated' },
  max_tool_calls: { when: whenGiven, because: 'Ollama does not limit how many calls a model makes' },
  parallel_tool_calls: { when: (value) => value === false, because: 'Ollama does not limit how many calls a model makes' },
  tool_choice: { when: (value) => value === 'required' || typeof value === 'object', because: 'Ollama lets the model choose' },
}

/** Encrypted reasoning is for those who cannot read it: here it comes as it is, and is sent back as it is. */
const includable = ['message.output_text.logprobs', 'reasoning.encrypted_content']

/** @throws ServiceError `not_supported` for what is inside of lists and objects */
export function refuseParts({ include, text }: ResponsesRequest) {
  for (const [i, what] of (include ?? []).entries())
    if (!includable.includes(what)) throw notSupported(`include.${i}`, 'no answer has that')
  if (text?.verbosity && text.verbosity !== 'medium') throw notSupported('text.verbosity', 'say it in the instructions')
}
