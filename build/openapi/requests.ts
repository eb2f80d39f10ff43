import { rules as aiSdk } from '../../src/dialects/ai-sdk/schema.ts'
import { rules as anthropic } from '../../src/dialects/anthropic/schema.ts'
import {
  copyRequest,
  generationRequest,
  modelRequest,
  namedRequest,
  progressRequest,
} from '../../src/dialects/ollama/schema.ts'
import { rules as chat } from '../../src/dialects/openai/chat/schema.ts'
import { rules as completions } from '../../src/dialects/openai/completions/schema.ts'
import { rules as embeddings } from '../../src/dialects/openai/embeddings.ts'
import { rules as responses } from '../../src/dialects/openai/responses/schema.ts'
import { rules as plain } from '../../src/dialects/plain/schema.ts'
import { createTokenRequest } from '../../src/dialects/token-request.ts'
import { createDialects, toNames } from '../../src/dialects.ts'
import type { JsonSchema } from './json-schema.ts'
import { toBody } from './to-body.ts'
import { toInputSchema } from './to-input-schema.ts'

const ofOllama = 'Ollama judges this field'

/** Adds fields that Sluice passes on without a look at them. */
function withFields(schema: JsonSchema, ...names: readonly string[]): JsonSchema {
  const fields = Object.fromEntries(names.map((name) => [name, { description: ofOllama }]))
  return {
    ...schema,
    properties: { ...fields, ...(schema.properties as JsonSchema) },
    description: "Ollama's own request. Sluice checks only the fields that it uses itself, and passes all others on",
  }
}

const tuning = ['options', 'keep_alive', 'format', 'think', 'logprobs', 'top_logprobs']

/** The body of each request. */
export const requestSchemas: Readonly<Record<string, JsonSchema>> = {
  OllamaGenerateRequest: withFields(
    toInputSchema(generationRequest),
    'prompt',
    'suffix',
    'system',
    'template',
    'context',
    'raw',
    'images',
    ...tuning,
  ),
  OllamaChatRequest: withFields(toInputSchema(generationRequest), 'messages', 'tools', ...tuning),
  OllamaProgressRequest: withFields(toInputSchema(progressRequest)),
  OllamaNamedRequest: withFields(toInputSchema(namedRequest)),
  OllamaModelRequest: withFields(toInputSchema(modelRequest)),
  OllamaCopyRequest: withFields(toInputSchema(copyRequest)),
  PlainRequest: toBody(plain),
  StreamTokenRequest: toInputSchema(createTokenRequest(toNames(createDialects({ management: false })))),
  UiChatRequest: toBody(aiSdk),
  ChatCompletionRequest: toBody(chat),
  CompletionRequest: toBody(completions),
  EmbeddingsRequest: toBody(embeddings),
  ResponseRequest: toBody(responses),
  MessageRequest: toBody(anthropic),
}

const model = 'gemma3:270m'
const messages = [{ role: 'user', content: 'Hi' }]

/** A small request for each schema. */
export const examples: Readonly<Record<string, JsonSchema>> = {
  OllamaGenerateRequest: { model, prompt: 'Hi' },
  OllamaChatRequest: { model, messages },
  OllamaProgressRequest: { model },
  OllamaNamedRequest: { model },
  OllamaModelRequest: { model, input: 'Hi' },
  OllamaCopyRequest: { source: model, destination: 'mine' },
  PlainRequest: { text: 'Hi' },
  StreamTokenRequest: { expires_in: 60, models: ['gemma3:*'], origin: 'https://chat.example' },
  UiChatRequest: { id: 'chat-1', messages: [{ id: '1', role: 'user', parts: [{ type: 'text', text: 'Hi' }] }] },
  ChatCompletionRequest: { model, messages, stream: true },
  CompletionRequest: { model, prompt: 'Hi', stream: true },
  EmbeddingsRequest: { model, input: 'Hi' },
  ResponseRequest: { model, input: 'Hi', stream: true },
  MessageRequest: { model, max_tokens: 100, messages, stream: true },
}
