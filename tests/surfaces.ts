import { toSseEvents, type SseEvent } from './runtimes/reader.ts'

/** How an answer ended: with success, or with a failure that its reader can see. */
export type Ending = 'done' | 'failed'

type Json = Readonly<Record<string, unknown>>

/** How one dialect ends an answer in each of its framings, and how it reports an early error. */
interface Language {
  readonly ofEvent?: (event: SseEvent) => Ending | undefined
  readonly ofLine?: (line: Json) => Ending | undefined
  /** Whether this is a complete answer in one piece. */
  isWhole(whole: Json): boolean
  isError(body: Json): boolean
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const parse = (text: string): Json => {
  const value: unknown = JSON.parse(text)
  if (!isObject(value)) throw new Error(`No object: ${text.slice(0, 200)}`)
  return value
}

const isOurError = ({ error, code, request_id }: Json) => isText(error) && isText(code) && isText(request_id)
const ofOllamaLine = (line: Json): Ending | undefined => ('error' in line ? 'failed' : line.done === true ? 'done' : undefined)

const native: Language = {
  ofEvent: ({ event, data }) => (event === 'failed' ? 'failed' : event === undefined ? ofOllamaLine(parse(data)) : undefined),
  ofLine: ofOllamaLine,
  isWhole: ({ done }) => done === true,
  isError: isOurError,
}

const plain: Language = {
  ofEvent: ({ event }) => (event === 'done' || event === 'failed' ? event : undefined),
  isWhole: () => false,
  isError: isOurError,
}

const ollama: Language = {
  ofLine: ofOllamaLine,
  isWhole: ({ done }) => done === true,
  isError: (body) => isText(body.error) && Object.keys(body).length === 1,
}

const isOpenAIError = ({ error }: Json) =>
  isObject(error) && isText(error.message) && isText(error.type) && isText(error.code) && 'param' in error

const openai: Language = {
  ofEvent: ({ data }) => (data === '[DONE]' ? 'done' : 'error' in parse(data) ? 'failed' : undefined),
  isWhole: ({ choices }) => Array.isArray(choices) && isText((choices[0] as Json).finish_reason),
  isError: isOpenAIError,
}

const responses: Language = {
  ofEvent: ({ event }) =>
    event === 'response.failed' ? 'failed' : /^response\.(completed|incomplete)$/.test(event ?? '') ? 'done' : undefined,
  isWhole: ({ object, status }) => object === 'response' && (status === 'completed' || status === 'incomplete'),
  isError: isOpenAIError,
}

const anthropic: Language = {
  ofEvent: ({ event }) => (event === 'error' ? 'failed' : event === 'message_stop' ? 'done' : undefined),
  isWhole: ({ type, stop_reason }) => type === 'message' && isText(stop_reason),
  isError: ({ type, error, request_id }) => type === 'error' && isObject(error) && isText(error.message) && isText(request_id),
}

const aiSdk: Language = {
  ofEvent: ({ data }) =>
    data === '[DONE]' ? 'done' : /^(?:error|abort)$/.test(String(parse(data).type)) ? 'failed' : undefined,
  isWhole: () => false,
  isError: isOurError,
}

/** The same dialect for a route whose answer may be any JSON object. */
const asking = (language: Language): Language => ({ ...language, isWhole: () => true })

/** A POST route of Sluice. */
export interface Surface {
  readonly path: `/${string}`
  /** The Ollama endpoint for a generation. Undefined for a route that answers a small question. */
  readonly endpoint?: 'generate' | 'chat'
  readonly language: Language
  /** A good request with every field that it may have. */
  readonly body: Json
  /** The field that requests a stream. */
  readonly streams?: Json
}

const png = 'iVBORw0KGgo='
const options = { temperature: 0.5, seed: 1, num_predict: 100, stop: ['a', 'b'], top_k: 3 }
const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const called = { name: 'get_weather', arguments: '{"city":"Tokyo"}' }
const tools = [{ type: 'function', function: { name: 'get_weather', description: 'Tells', parameters } }]
const more = { options, keep_alive: '5m', format: 'json', think: false, logprobs: true, top_logprobs: 2 }
const ollamaMessages = [
  { role: 'system', content: 'Be brief' },
  { role: 'user', content: 'Hi', images: [png] },
  { role: 'assistant', content: '', thinking: 'hm', tool_calls: [{ function: { name: 'f', arguments: { city: 'Tokyo' } } }] },
  { role: 'tool', content: '5', tool_name: 'f' },
]
const generateBody = {
  prompt: 'Hi',
  suffix: 's',
  system: 'Be brief',
  template: 't',
  raw: false,
  images: [png],
  context: [1, 2],
  ...more,
}
const chatBody = { messages: ollamaMessages, tools, ...more }
const sampling = { temperature: 1, top_p: 0.5, seed: 5, stop: ['x'], max_tokens: 100, presence_penalty: 0.1, user: 'u' }
const stream = { stream: true }

const owned: readonly Surface[] = [
  { path: '/api/generate', endpoint: 'generate', language: native, body: generateBody, streams: {} },
  { path: '/api/chat', endpoint: 'chat', language: native, body: chatBody, streams: {} },
  {
    path: '/chat',
    endpoint: 'generate',
    language: plain,
    body: { text: 'Hi', system: 'Be brief', think: true, options },
    streams: {},
  },
  { path: '/ollama/api/generate', endpoint: 'generate', language: ollama, body: generateBody, streams: {} },
  { path: '/ollama/api/chat', endpoint: 'chat', language: ollama, body: chatBody, streams: {} },
  {
    path: '/v1/chat/completions',
    endpoint: 'chat',
    language: openai,
    body: {
      messages: [
        { role: 'developer', content: 'Be brief' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Hi' },
            { type: 'image_url', image_url: { url: `data:image/png;base64,${png}` } },
          ],
        },
        { role: 'assistant', content: null, tool_calls: [{ id: 'call_1', type: 'function', function: called }] },
        { role: 'tool', tool_call_id: 'call_1', content: '5' },
      ],
      tools,
      tool_choice: 'auto',
      response_format: { type: 'json_schema', json_schema: { name: 'n', schema: parameters } },
      logprobs: true,
      top_logprobs: 2,
      reasoning_effort: 'low',
      stream_options: { include_usage: true },
      n: 1,
      ...sampling,
    },
    streams: stream,
  },
  {
    path: '/v1/completions',
    endpoint: 'generate',
    language: openai,
    body: { prompt: 'Hi', suffix: 's', ...sampling },
    streams: stream,
  },
  {
    path: '/v1/responses',
    endpoint: 'chat',
    language: responses,
    body: {
      instructions: 'Be brief',
      input: [
        {
          role: 'user',
          content: [
            { type: 'input_text', text: 'Hi' },
            { type: 'input_image', image_url: `data:image/png;base64,${png}` },
          ],
        },
        { type: 'function_call', call_id: 'call_1', ...called },
        { type: 'function_call_output', call_id: 'call_1', output: '5' },
        { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Ho' }] },
      ],
      tools: [{ type: 'function', name: 'get_weather', parameters }],
      text: { format: { type: 'json_schema', name: 'n', schema: parameters } },
      reasoning: { effort: 'low' },
      max_output_tokens: 100,
      temperature: 1,
      store: false,
      metadata: { a: 'b' },
    },
    streams: stream,
  },
  {
    path: '/v1/messages',
    endpoint: 'chat',
    language: anthropic,
    body: {
      max_tokens: 100,
      system: [{ type: 'text', text: 'Be brief' }],
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Hi' },
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } },
          ],
        },
        { role: 'assistant', content: [{ type: 'tool_use', id: 't1', name: 'get_weather', input: { city: 'Tokyo' } }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't1', content: '5' }] },
      ],
      tools: [{ name: 'get_weather', description: 'Tells', input_schema: parameters }],
      tool_choice: { type: 'auto' },
      thinking: { type: 'disabled' },
      stop_sequences: ['x'],
      temperature: 0.5,
      metadata: { user_id: 'u' },
    },
    streams: stream,
  },
  {
    path: '/api/ui/chat',
    endpoint: 'chat',
    language: aiSdk,
    body: {
      id: 'chat-1',
      trigger: 'submit-message',
      system: 'Be brief',
      messages: [
        {
          id: '1',
          role: 'user',
          parts: [
            { type: 'text', text: 'Hi' },
            { type: 'file', mediaType: 'image/png', url: `data:image/png;base64,${png}` },
          ],
        },
        {
          id: '2',
          role: 'assistant',
          parts: [{ type: 'step-start' }, { type: 'reasoning', text: 'hm' }, { type: 'text', text: 'Ho' }],
        },
        { id: '3', role: 'user', parts: [{ type: 'text', text: 'And?' }] },
      ],
      options,
    },
    streams: {},
  },
  { path: '/api/embed', language: asking(native), body: { input: ['Hi'], truncate: true, dimensions: 5, options } },
  { path: '/api/embeddings', language: asking(native), body: { prompt: 'Hi', options } },
  { path: '/api/show', language: asking(native), body: { verbose: true } },
  { path: '/ollama/api/embed', language: asking(ollama), body: { input: 'Hi' } },
  { path: '/ollama/api/embeddings', language: asking(ollama), body: { prompt: 'Hi' } },
  { path: '/ollama/api/show', language: asking(ollama), body: { name: 'gemma3' } },
  { path: '/v1/embeddings', language: asking(openai), body: { input: ['Hi', 'Ho'], encoding_format: 'float', user: 'u' } },
  { path: '/v1/messages/count_tokens', language: anthropic, body: { messages: [{ role: 'user', content: 'Hi' }] } },
  {
    path: '/v1/systemone',
    language: asking(native),
    body: {
      state: { text: 'Hi' },
      questions: { polite: { type: 'noul', instructions: 'Is it polite?', criteria: { true: 'yes' } } },
      keep_alive: '5m',
    },
  },
]

/** Every POST route except the management routes, with a request and the form of the answer. */
export const surfaces: readonly Surface[] = [
  ...owned,
  ...owned
    .filter(({ path }) => path.startsWith('/v1/'))
    .map((surface) => ({ ...surface, path: `/ollama${surface.path}` as const })),
]

/** A complete answer. */
export interface WholeAnswer {
  readonly status: number
  readonly contentType: string | null | undefined
  readonly text: string
}

/**
 * Returns how an answer ended. `refused` is an early error.
 * @throws Error if a reader of this dialect could not understand the answer. A stream must contain
 * exactly one terminal, at its end
 */
export function toEnding({ language }: Surface, { status, contentType = '', text }: WholeAnswer): Ending | 'refused' {
  const type = contentType?.split(';', 1)[0]
  if (status >= 400) {
    if (!language.isError(parse(text))) throw new Error(`${status} without the dialect's envelope: ${text.slice(0, 500)}`)
    return 'refused'
  }
  if (status !== 200) throw new Error(`Status ${status}: ${text.slice(0, 500)}`)
  if (type === 'text/event-stream' && language.ofEvent) return toOnlyOne(toSseEvents(text).map(language.ofEvent), text)
  if (type === 'application/x-ndjson' && language.ofLine) return toOnlyOne(toLines(text).map(language.ofLine), text)
  if (type === 'application/json' && language.isWhole(parse(text))) return 'done'
  throw new Error(`No answer of this dialect: ${type} ${text.slice(0, 500)}`)
}

function toLines(text: string): Json[] {
  if (!text.endsWith('\n')) throw new Error(`Half a line at the end: ${text.slice(-500)}`)
  return text.slice(0, -1).split('\n').map(parse)
}

function toOnlyOne(endings: readonly (Ending | undefined)[], text: string): Ending {
  const last = endings.at(-1)
  if (last === undefined) throw new Error(`No terminal at the end: ${text.slice(-500)}`)
  if (endings.filter((ending) => ending !== undefined).length > 1) throw new Error(`Two terminals: ${text.slice(-500)}`)
  return last
}
