import { checkFields, isObject, parseBody, toGoKind } from './body.ts'
import type { Fields } from './body.ts'
import { parseKeepAlive } from './keep-alive.ts'
import { OllamaError } from './ollama-error.ts'

export type Endpoint = 'generate' | 'chat'

/** One turn of a conversation, as far as the demo looks at it. */
export interface Message {
  role: string
  content: string
  images: number
  toolName: string | undefined
}

/** What `/api/generate` and `/api/chat` have in common, checked. */
export interface CompletionRequest {
  endpoint: Endpoint
  model: string
  /** Of generate: the system text, if any, and the prompt. */
  messages: Message[]
  /** No prompt, no messages: only loads the model, or unloads it with `keep_alive: 0`. */
  isEmpty: boolean
  stream: boolean
  /** No template, and so no `context` in the last line. */
  raw: boolean
  context: number[]
  keepAliveMs: number
  format: unknown
  think: boolean | string | undefined
  tools: unknown[]
  /** Alternatives a token; `undefined` = no log probabilities at all. */
  topLogprobs: number | undefined
  options: Readonly<Record<string, unknown>> | undefined
}

const shared: Fields = {
  model: 'string',
  stream: 'bool',
  options: 'map[string]interface {}',
  logprobs: 'bool',
  top_logprobs: 'int',
}
const fields: Readonly<Record<Endpoint, Fields>> = {
  generate: {
    ...shared,
    prompt: 'string',
    suffix: 'string',
    system: 'string',
    template: 'string',
    context: '[]int',
    raw: 'bool',
    images: '[]api.ImageData',
  },
  chat: { ...shared, messages: '[]api.Message', tools: 'api.Tools' },
}
const messageFields: Fields = {
  role: 'string',
  content: 'string',
  thinking: 'string',
  images: '[]api.ImageData',
  tool_calls: '[]api.ToolCall',
  tool_name: 'string',
}

/** @throws OllamaError 400 for what Ollama's decoder refuses */
export function parseCompletionRequest(endpoint: Endpoint, text: string): CompletionRequest {
  const body = parseBody(text, endpoint === 'chat' ? 'ChatRequest' : 'GenerateRequest', fields[endpoint])
  const messages = endpoint === 'chat' ? parseMessages(body.messages) : toMessages(body)
  const top = Number(body.top_logprobs ?? 0)
  if (top < 0 || top > 20) throw new OllamaError(400, 'top_logprobs must be between 0 and 20')
  return {
    endpoint,
    model: toText(body.model),
    messages,
    isEmpty: endpoint === 'chat' ? messages.length === 0 : toText(body.prompt) === '',
    stream: body.stream !== false,
    raw: body.raw === true,
    context: Array.isArray(body.context) ? body.context.filter((token) => typeof token === 'number') : [],
    keepAliveMs: parseKeepAlive(body.keep_alive),
    format: body.format ?? undefined,
    think: parseThink(body.think),
    tools: Array.isArray(body.tools) ? body.tools : [],
    topLogprobs: body.logprobs === true ? top : undefined,
    options: isObject(body.options) ? body.options : undefined,
  }
}

/** The text that the demo answers to: the prompt, or what the user said last. */
export function toQuestion(messages: readonly Message[]): string {
  return messages.findLast((message) => message.role === 'user')?.content ?? ''
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function toMessages(body: Record<string, unknown>): Message[] {
  const images = Array.isArray(body.images) ? body.images.length : 0
  const prompt = { role: 'user', content: toText(body.prompt), images, toolName: undefined }
  const system = toText(body.system)
  return system === '' ? [prompt] : [{ role: 'system', content: system, images: 0, toolName: undefined }, prompt]
}

function parseMessages(messages: unknown): Message[] {
  if (!Array.isArray(messages)) return []
  return messages.map((message: unknown) => {
    if (!isObject(message)) {
      const text = `json: cannot unmarshal ${toGoKind(message)} into Go struct field ChatRequest.messages of type api.Message`
      throw new OllamaError(400, text)
    }
    checkFields(message, 'ChatRequest.messages', messageFields)
    return {
      role: toText(message.role),
      content: toText(message.content),
      images: Array.isArray(message.images) ? message.images.length : 0,
      toolName: typeof message.tool_name === 'string' ? message.tool_name : undefined,
    }
  })
}

function parseThink(think: unknown): boolean | string | undefined {
  if (think === undefined || think === null) return undefined
  if (typeof think === 'boolean') return think
  const expected = '"high", "medium", "low", "max", true, or false'
  if (typeof think !== 'string') throw new OllamaError(400, `think must be a boolean or string (${expected})`)
  if (!['high', 'medium', 'low', 'max'].includes(think)) {
    throw new OllamaError(400, `invalid think value: ${JSON.stringify(think)} (must be ${expected})`)
  }
  return think
}
