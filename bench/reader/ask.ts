import type { Dialect } from './target.ts'

const messages = (content: string) => [{ role: 'user', content }]

/** The request body of each dialect, without the model. */
const asks: Readonly<Record<Dialect, (prompt: string) => object>> = {
  generate: (prompt) => ({ prompt, stream: true }),
  chat: (prompt) => ({ messages: messages(prompt), stream: true }),
  openai: (prompt) => ({ messages: messages(prompt), stream: true }),
  completions: (prompt) => ({ prompt, stream: true }),
  responses: (input) => ({ input, stream: true }),
  anthropic: (prompt) => ({ messages: messages(prompt), stream: true, max_tokens: 1_000_000 }),
  'ai-sdk': (text) => ({ messages: [{ id: 'bench', role: 'user', parts: [{ type: 'text', text }] }] }),
}

/** Makes the body of a request for a stream. */
export function toBody(dialect: Dialect, model: string, prompt: string): string {
  return JSON.stringify({ model, ...asks[dialect](prompt) })
}
