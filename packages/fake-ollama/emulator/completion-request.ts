import { parseBody, parseFields, type Fields } from './body.ts'
import type { Endpoint } from './chunk.ts'
import { OllamaError } from './go-json.ts'
import { parseKeepAlive } from './options.ts'

/** One message of a conversation, with the fields that the demo reads. */
export interface Message {
  role: string
  content: string
  toolName?: string
}

const shared: Fields = {
  model: 'string',
  stream: 'bool',
  options: 'map[string]interface {}',
  logprobs: 'bool',
  top_logprobs: 'int',
}
const texts: Fields = { prompt: 'string', suffix: 'string', system: 'string', template: 'string' }
const generateFields: Fields = { ...shared, ...texts, context: '[]int', raw: 'bool', images: '[]api.ImageData' }
const chatFields: Fields = { ...shared, messages: '[]api.Message', tools: 'api.Tools' }
const spoken: Fields = { role: 'string', content: 'string', thinking: 'string' }
const messageFields: Fields = { ...spoken, images: '[]api.ImageData', tool_calls: '[]api.ToolCall', tool_name: 'string' }

export type CompletionRequest = ReturnType<typeof parseCompletionRequest>

/**
 * Parses the fields that `/api/generate` and `/api/chat` have in common.
 * @throws OllamaError 400 for a body that Ollama's decoder refuses
 */
export function parseCompletionRequest(endpoint: Endpoint, text: string) {
  const isChat = endpoint === 'chat'
  const body = isChat ? parseBody(text, 'ChatRequest', chatFields) : parseBody(text, 'GenerateRequest', generateFields)
  const messages = isChat ? asList(body.messages).map(parseMessage) : toMessages(body)
  const top = Number(body.top_logprobs ?? 0)
  if (top < 0 || top > 20) throw new OllamaError(400, 'top_logprobs must be between 0 and 20')
  return {
    endpoint,
    model: toText(body.model),
    /** For `/api/generate`, these are the system text, if there is one, and the prompt. */
    messages,
    /**
     * Whether there is no prompt and no message. Such a request only loads the model, or unloads it
     * with `keep_alive: 0`.
     */
    isEmpty: isChat ? messages.length === 0 : toText(body.prompt) === '',
    stream: body.stream !== false,
    /** Whether the prompt is used without a template. The last line then has no `context`. */
    raw: body.raw === true,
    context: asList(body.context).filter((token) => typeof token === 'number'),
    keepAliveMs: parseKeepAlive(body.keep_alive),
    format: body.format ?? undefined,
    think: parseThink(body.think ?? undefined),
    tools: asList(body.tools),
    /** How many alternatives each token has. `undefined` means no log probabilities at all. */
    topLogprobs: body.logprobs === true ? top : undefined,
    /**
     * The options are not checked yet, because Ollama checks them only after it has found the
     * model.
     */
    options: body.options,
  }
}

/** Returns the text that the demo answers: the prompt, or the user's last message. */
export function toQuestion(messages: readonly Message[]): string {
  return messages.findLast((message) => message.role === 'user')?.content ?? ''
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

function toMessages({ system, prompt }: Record<string, unknown>): Message[] {
  const messages = [
    { role: 'system', content: toText(system) },
    { role: 'user', content: toText(prompt) },
  ]
  return toText(system) === '' ? messages.slice(1) : messages
}

function parseMessage(given: unknown): Message {
  const path = 'ChatRequest.messages'
  const { role, content, tool_name } = parseFields(given, path, messageFields, `struct field ${path} of type api.Message`)
  return { role: toText(role), content: toText(content), ...(typeof tool_name === 'string' && { toolName: tool_name }) }
}

function parseThink(think: unknown): boolean | string | undefined {
  if (think === undefined || typeof think === 'boolean') return think
  const expected = '"high", "medium", "low", "max", true, or false'
  if (typeof think !== 'string') throw new OllamaError(400, `think must be a boolean or string (${expected})`)
  if (['high', 'medium', 'low', 'max'].includes(think)) return think
  throw new OllamaError(400, `invalid think value: ${JSON.stringify(think)} (must be ${expected})`)
}
