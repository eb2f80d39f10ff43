import { anthropicEvents } from './answers/anthropic.ts'
import { responseEvents } from './answers/responses.ts'
import { doneEvent, failedEvent, toJsonEvent, toTextEvent } from './events.ts'
import { toRef, type JsonSchema } from './json-schema.ts'

const anyOf = (...schemas: readonly JsonSchema[]): JsonSchema => ({ anyOf: schemas })

/** The schema of each event or line of a stream. */
export const streamSchemas: Readonly<Record<string, JsonSchema>> = {
  OllamaGenerateStreamLine: anyOf(toRef('OllamaGenerateLine'), toRef('OllamaGenerateLastLine'), toRef('OllamaError')),
  OllamaChatStreamLine: anyOf(toRef('OllamaChatLine'), toRef('OllamaChatLastLine'), toRef('OllamaError')),
  OllamaProgressStreamLine: anyOf(toRef('OllamaProgressLine'), toRef('OllamaError')),
  GenerateLine: anyOf(toRef('OllamaGenerateLine'), toRef('OllamaGenerateLastLine'), toRef('Error')),
  ChatLine: anyOf(toRef('OllamaChatLine'), toRef('OllamaChatLastLine'), toRef('Error')),
  ProgressLine: anyOf(toRef('OllamaProgressLine'), toRef('Error')),
  GenerateEvent: anyOf(
    toJsonEvent('OllamaGenerateLine'),
    toJsonEvent('OllamaGenerateLastLine'),
    toJsonEvent('Status', 'status'),
    failedEvent,
  ),
  ChatEvent: anyOf(
    toJsonEvent('OllamaChatLine'),
    toJsonEvent('OllamaChatLastLine'),
    toJsonEvent('Status', 'status'),
    failedEvent,
  ),
  ProgressEvent: anyOf(toJsonEvent('OllamaProgressLine'), failedEvent),
  PlainEvent: anyOf(toTextEvent('messages'), toTextEvent('thinking'), toJsonEvent('PlainDone', 'done'), failedEvent),
  ChatCompletionEvent: anyOf(toJsonEvent('ChatCompletionChunk'), toJsonEvent('OpenAIError'), doneEvent),
  CompletionEvent: anyOf(toJsonEvent('CompletionChunk'), toJsonEvent('OpenAIError'), doneEvent),
  ResponseEvent: anyOf(...Object.keys(responseEvents).map((event) => toJsonEvent(event, event))),
  MessageEvent: anyOf(...Object.keys(anthropicEvents).map((event) => toJsonEvent(`message.${event}`, event))),
  UiMessageEvent: anyOf(toJsonEvent('UiMessageChunk'), doneEvent),
  AnyEvent: {
    ...anyOf(
      ...['Generate', 'Chat', 'Plain', 'ChatCompletion', 'Completion', 'Response', 'Message', 'UiMessage'].map((name) =>
        toRef(`${name}Event`),
      ),
    ),
    description: 'An event of the request that started the stream',
  },
}

/** The data of typed events. The names of Anthropic's events stand behind `message.`. */
export const eventSchemas = {
  ...responseEvents,
  ...Object.fromEntries(Object.entries(anthropicEvents).map(([event, schema]) => [`message.${event}`, schema])),
}
