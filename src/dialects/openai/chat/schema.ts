import * as v from 'valibot'
import { parse, refuse, whenGiven, type Refusals } from '../../issues.ts'
import { anyObject, boolean, integer, string, textOr } from '../../to-ollama.ts'
import { responseFormat } from '../format.ts'
import { sampling, samplingRefusals } from '../sampling.ts'

const part = v.variant(
  'type',
  [
    v.object({ type: v.literal('text'), text: v.string() }),
    v.object({ type: v.literal('refusal'), refusal: v.string() }),
    v.object({
      type: v.literal('image_url'),
      image_url: v.union([v.string(), v.object({ url: v.string() })], 'Expected a URL'),
    }),
    v.object({ type: v.picklist(['input_audio', 'file', 'video_url']) }),
  ],
  'Expected "text" or "image_url"',
)
export type Part = v.InferOutput<typeof part>

const toolCall = v.object({ id: string, function: v.object({ name: v.string(), arguments: v.string() }) })

const message = v.pipe(
  v.object({
    role: v.picklist(
      ['system', 'developer', 'user', 'assistant', 'tool', 'function'],
      'Expected "system", "developer", "user", "assistant" or "tool"',
    ),
    content: v.nullish(textOr(v.array(part, 'Expected a text or a list of parts'))),
    name: string,
    refusal: string,
    reasoning: string,
    reasoning_content: string,
    tool_calls: v.nullish(v.array(toolCall)),
    tool_call_id: string,
    function_call: v.nullish(v.unknown()),
    audio: v.nullish(v.unknown()),
  }),
  v.check(({ role, content }) => role === 'assistant' || (content ?? undefined) !== undefined, 'Expected a content'),
)
export type Message = v.InferOutput<typeof message>

const tool = v.variant(
  'type',
  [
    v.object({
      type: v.literal('function'),
      function: v.object({ name: v.string(), description: string, parameters: v.nullish(anyObject) }),
    }),
    v.object({ type: v.literal('custom') }),
  ],
  'Expected "function"',
)

const chatRequest = v.object({
  ...sampling,
  // An empty list would load the model instead (docs/ollama.md §1).
  messages: v.pipe(v.array(message), v.minLength(1, 'Expected at least one message')),
  tools: v.nullish(v.array(tool)),
  tool_choice: v.nullish(v.union([v.picklist(['auto', 'none', 'required']), anyObject], 'Expected "auto" or "none"')),
  parallel_tool_calls: boolean,
  response_format: responseFormat,
  logprobs: boolean,
  top_logprobs: integer,
  modalities: v.nullish(v.array(v.string())),
})
export type ChatRequest = v.InferOutput<typeof chatRequest>

const onlyText = 'the answer is text'
const refusals: Refusals = {
  ...samplingRefusals,
  tool_choice: { when: (choice) => choice !== 'auto' && choice !== 'none', because: 'Ollama lets the model choose' },
  parallel_tool_calls: { when: (value) => value === false, because: 'Ollama does not limit how many calls a model makes' },
  modalities: { when: (value) => (value as string[]).some((modality) => modality !== 'text'), because: onlyText },
  audio: { when: whenGiven, because: onlyText },
  prediction: { when: whenGiven, because: 'Ollama predicts nothing ahead' },
  functions: { when: whenGiven, because: 'send them as tools' },
  function_call: { when: whenGiven, because: 'send it as tool_choice' },
  verbosity: { when: (value) => value !== 'medium', because: 'say it in the instructions' },
  web_search_options: { when: whenGiven, because: 'nothing is searched' },
}

/**
 * `POST /v1/chat/completions`: https://platform.openai.com/docs/api-reference/chat/create
 * @throws ServiceError `invalid_request`, `not_supported`
 */
export function parseChatRequest(body: Readonly<Record<string, unknown>>): ChatRequest {
  const request = parse(chatRequest, body)
  refuse(body, refusals)
  return request
}
