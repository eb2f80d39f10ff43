import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import Anthropic from '@anthropic-ai/sdk'
import { HumanMessage } from '@langchain/core/messages'
import { ChatOllama } from '@langchain/ollama'
import { ChatOpenAI } from '@langchain/openai'
import { DefaultChatTransport, generateText, type UIMessage } from 'ai'
import { createHash } from 'node:crypto'
import { Ollama } from 'ollama'
import { createOllama } from 'ollama-ai-provider-v2'
import { Ollama as BrowserOllama } from 'ollama/browser'
import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { tokens } from '#fake-ollama/scripts.ts'
import { countRequests, useStage, type RuntimeName } from '../server.ts'

const secret = 'sluice-secret'
const messages = [{ role: 'user' as const, content: 'Hi' }]
const bearer = (key: string) => ({ Authorization: `Bearer ${key}` })

/** Sends a request with a key through a client, and returns the text of the answer. */
type Ask = (url: string, key: string, model: string) => Promise<string | null | undefined>

const clients: readonly (readonly [name: string, ask: Ask])[] = [
  [
    'ollama',
    async (url, key, model) =>
      (await new Ollama({ host: `${url}/ollama`, headers: bearer(key) }).chat({ model, messages })).message.content,
  ],
  [
    'ollama/browser',
    async (url, key, model) =>
      (await new BrowserOllama({ host: `${url}/ollama`, headers: bearer(key) }).chat({ model, messages })).message.content,
  ],
  [
    'ai with ollama-ai-provider-v2',
    async (url, key, model) => {
      const provider = createOllama({ baseURL: `${url}/ollama/api`, headers: bearer(key) })
      return (await generateText({ model: provider(model), prompt: 'Hi', maxRetries: 0 })).text
    },
  ],
  [
    '@langchain/ollama',
    async (url, key, model) => {
      const chat = new ChatOllama({ baseUrl: `${url}/ollama`, headers: bearer(key), model, maxRetries: 0 })
      return (await chat.invoke([new HumanMessage('Hi')])).text
    },
  ],
  [
    'openai',
    async (url, key, model) => {
      const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 })
      return (await client.chat.completions.create({ model, messages })).choices[0]?.message.content
    },
  ],
  [
    'openai, responses',
    async (url, key, model) => {
      const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 })
      return (await client.responses.create({ model, input: 'Hi' })).output_text
    },
  ],
  [
    'ai with @ai-sdk/openai-compatible',
    async (url, key, model) => {
      const provider = createOpenAICompatible({ name: 'sluice', baseURL: `${url}/v1`, apiKey: key })
      return (await generateText({ model: provider(model), prompt: 'Hi', maxRetries: 0 })).text
    },
  ],
  [
    '@langchain/openai',
    async (url, key, model) => {
      const chat = new ChatOpenAI({ configuration: { baseURL: `${url}/v1` }, apiKey: key, model, maxRetries: 0 })
      return (await chat.invoke([new HumanMessage('Hi')])).text
    },
  ],
  [
    '@anthropic-ai/sdk',
    async (url, key, model) => {
      const client = new Anthropic({ baseURL: url, apiKey: key, authToken: null, maxRetries: 0 })
      const [block] = (await client.messages.create({ model, max_tokens: 10, messages })).content
      return block?.type === 'text' ? block.text : undefined
    },
  ],
  [
    'DefaultChatTransport',
    async (url, key, model) => {
      const transport = new DefaultChatTransport({ api: `${url}/api/ui/chat`, headers: bearer(key), body: { model } })
      const asked: UIMessage[] = [{ id: '1', role: 'user', parts: [{ type: 'text', text: 'Hi' }] }]
      const chunks = await transport.sendMessages({
        chatId: 'x',
        messages: asked,
        trigger: 'submit-message',
        messageId: undefined,
        abortSignal: undefined,
      })
      let text = ''
      for await (const chunk of chunks) if (chunk.type === 'text-delta') text += chunk.delta
      return text
    },
  ],
  [
    'fetch',
    async (url, key, model) => {
      const body = JSON.stringify({ model, prompt: 'Hi', stream: false })
      const response = await fetch(`${url}/api/generate`, { method: 'POST', headers: bearer(key), body })
      if (!response.ok) throw Object.assign(new Error(await response.text()), { status: response.status })
      return ((await response.json()) as { response: string }).response
    },
  ],
]

/** Client programs with a server that requires keys. */
export function describeKeyedClients(runtime: RuntimeName) {
  describe('clients with a key', () => {
    const hash = createHash('sha256').update(secret).digest('hex')
    const stage = useStage(runtime, { SLUICE_API_KEYS: `me:${hash}` })

    test.each(clients)('%s sends its key, and gets 401 for a wrong key', async (_name, ask) => {
      const model = stage.upstream.script(tokens({ count: 2 }))
      expect(await ask(stage.server.url, secret, model)).toBe(' token token')
      const asked = await countRequests(stage, async () => {
        const error = await ask(stage.server.url, 'wrong', model).then(
          (text) => expect.unreachable(`It was answered: ${text}`),
          (error: unknown) => error as { status?: number; status_code?: number; statusCode?: number; message: string },
        )
        expect(error.message).toMatch(/key is not known|^Unauthorized$/)
        // Some clients report the status only in their message.
        const status = error.status ?? error.status_code ?? error.statusCode
        expect(status ?? 401).toBe(401)
      })
      expect(asked).toBe(0)
    })
  })
}
