import { notSupported } from '../not-supported.ts'
import type { ResponsesRequest } from './schema.ts'

const given = () => true
const stateless = 'nothing is stored; send all that was said so far as input'

/** By field: the values that ask for what cannot be had, and why it cannot. */
const refusals: Readonly<Record<string, readonly [when: (value: unknown) => boolean, why: string]>> = {
  previous_response_id: [given, stateless],
  conversation: [given, stateless],
  store: [(value) => value === true, stateless],
  background: [(value) => value === true, 'nothing is stored; the answer comes with its request'],
  prompt: [given, 'templates are stored at OpenAI; send instructions and input'],
  truncation: [(value) => value === 'auto', 'Ollama shortens what its context does not hold in its own way'],
  context_management: [(value) => Array.isArray(value) && value.length > 0, 'nothing is compacted'],
  moderation: [given, 'nothing is moderated'],
  max_tool_calls: [given, 'Ollama does not limit how many calls a model makes'],
  parallel_tool_calls: [(value) => value === false, 'Ollama does not limit how many calls a model makes'],
  tool_choice: [(value) => value === 'required' || typeof value === 'object', 'Ollama lets the model choose'],
}

/** @throws ServiceError `not_supported` by the field's name. Before the shape is checked: with a template there may be no input. */
export function refuse(body: Readonly<Record<string, unknown>>) {
  for (const [field, [when, why]] of Object.entries(refusals)) {
    const value = body[field] ?? undefined
    if (value !== undefined && when(value)) throw notSupported(field, why)
  }
}

/** Encrypted reasoning is for those who cannot read it: here it comes as it is, and is sent back as it is. */
const includable = ['message.output_text.logprobs', 'reasoning.encrypted_content']

/** @throws ServiceError `not_supported` for what is inside of lists and objects */
export function refuseParts({ include, text }: ResponsesRequest) {
  for (const [i, what] of (include ?? []).entries())
    if (!includable.includes(what)) throw notSupported(`include.${i}`, 'no answer has that')
  if (text?.verbosity && text.verbosity !== 'medium') throw notSupported('text.verbosity', 'say it in the instructions')
}
