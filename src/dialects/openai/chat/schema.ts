import * as v from 'valibot'
import { boolean, integer } from '../fields.ts'
import { parse } from '../parse.ts'
import { present } from '../present.ts'
import { messages, toMessages } from './messages.ts'
import { refuse, whenGiven, type Refusals } from '../refuse.ts'
import { responseFormat, toFormat } from './response-format.ts'
import { sampling, samplingRefusals, toSampling } from './sampling.ts'
import { toolChoice, tools, toTools } from './tools.ts'

const chatRequest = v.object({
  ...sampling,
  messages,
  tools,
  tool_choice: toolChoice,
  parallel_tool_calls: boolean,
  response_format: responseFormat,
  logprobs: boolean,
  top_logprobs: integer,
  modalities: v.nullish(v.array(v.string())),
})

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

/** A chat → Ollama's. @throws ServiceError `invalid_request`, `not_supported` */
export function toChat(body: Readonly<Record<string, unknown>>) {
  const request = parse(chatRequest, body)
  refuse(body, refusals)
  return {
    call: {
      endpoint: 'chat' as const,
      model: request.model ?? undefined,
      body: present({
        messages: toMessages(request.messages),
        tools: toTools(request.tools, request.tool_choice),
        format: toFormat(request.response_format),
        logprobs: request.logprobs,
        top_logprobs: request.top_logprobs,
        ...toSampling(request),
      }),
    },
    stream: request.stream ?? false,
    includeUsage: request.stream_options?.include_usage ?? false,
  }
}
