import { parseKeepAlive } from '#ollama-grammar/duration.ts'
import type { Chat, ChatSettings, Message } from './chat.ts'
import { withoutUndefined } from './without-undefined.ts'

/** The body of `POST /api/chat`. Settings that are not set are absent. */
export interface ChatRequest {
  readonly model?: string
  readonly messages: readonly RequestMessage[]
  readonly options?: { readonly [name: string]: number }
  readonly think?: boolean
  readonly keep_alive?: string | number
}

interface RequestMessage {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
  readonly images?: readonly string[]
}

/**
 * Makes the request for an answer of the chat. The request contains the messages from the first one
 * to the question. If the answer was cut off, its text so far is the last message, because Ollama
 * continues a last message that has the role `assistant`. Answers without text are left out, and so
 * are the thoughts of the model.
 */
export function toRequest({ settings, messages }: Chat, answerId: string): ChatRequest {
  const asked = toPath(messages, answerId).flatMap(toRequestMessage)
  if (settings.system?.trim()) asked.unshift({ role: 'system', content: settings.system })
  const options = toOptions(settings)
  return withoutUndefined({
    model: settings.model,
    messages: asked,
    options: Object.keys(options).length > 0 ? options : undefined,
    think: settings.think,
    keep_alive: settings.keepAlive === undefined ? undefined : parseKeepAlive(settings.keepAlive),
  })
}

/** Returns the messages from the first one down to this one. */
function toPath(messages: Chat['messages'], id: string): Message[] {
  const path = new Set<Message>()
  for (let ancestor = messages[id]; ancestor && !path.has(ancestor); ancestor = messages[ancestor.parent]) path.add(ancestor)
  return [...path].toReversed()
}

function toRequestMessage({ role, text, images = [] }: Message): RequestMessage[] {
  if (role === 'assistant') return text.trim() === '' ? [] : [{ role, content: text }]
  return [{ role, content: text, ...(images.length > 0 && { images }) }]
}

function toOptions({ temperature, numCtx, numPredict, seed }: ChatSettings): Record<string, number> {
  return withoutUndefined({ temperature, num_ctx: numCtx, num_predict: numPredict, seed })
}
