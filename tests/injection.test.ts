import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { uiMessageStream } from '../src/dialects/ai-sdk/stream.ts'
import { messageStream } from '../src/dialects/anthropic/stream.ts'
import { messageWhole } from '../src/dialects/anthropic/whole.ts'
import { createIgnored } from '../src/dialects/ignored.ts'
import { ollamaStream } from '../src/dialects/ollama/stream.ts'
import { createChatStream } from '../src/dialects/openai/chat/stream.ts'
import { createChatWhole } from '../src/dialects/openai/chat/whole.ts'
import { completionStream } from '../src/dialects/openai/completions/stream.ts'
import { completionWhole } from '../src/dialects/openai/completions/whole.ts'
import { toEcho } from '../src/dialects/openai/responses/response.ts'
import { parseResponsesRequest } from '../src/dialects/openai/responses/schema.ts'
import { createResponseStream } from '../src/dialects/openai/responses/stream.ts'
import { createResponseWhole } from '../src/dialects/openai/responses/whole.ts'
import { plainStream } from '../src/dialects/plain/stream.ts'
import type { Encoder } from '../src/encoders/encoder.ts'
import { folded } from '../src/encoders/folded.ts'
import { ndjson } from '../src/encoders/ndjson.ts'
import { sse as nativeSse } from '../src/encoders/sse.ts'
import type { OllamaChunk } from '../src/generation.ts'
import { createDecoder } from '../src/upstreams/ollama-decoder.ts'
import { trickyText } from './arbitrary-generation.ts'
import { readEvents } from './encoders/read-events.ts'
import { surfaces, toEnding } from './surfaces.ts'
import { startText } from './encoders/start-text.ts'

/** The content of one line. */
interface Piece {
  readonly text: string
  readonly thinking: string
  readonly calls: readonly Call[]
}

interface Call {
  readonly name: string
  readonly arguments: Readonly<Record<string, unknown>>
}

/** The whole content of an answer. */
type Said = Piece

const runs = 10_000

const characters = [
  '\r',
  '\n',
  '\r\n',
  '\n\n',
  '\0',
  '\u2028',
  '\u2029',
  '\ud800',
  '\udc00',
  '\udfff\ud83d',
  '\ufeff',
  ' ',
  'a',
]
const sse = ['\n\ndata:', 'data: [DONE]', '\n\ndata: [DONE]\n\n', '[DONE]', 'event: done', ':', 'id: 1\n']
const terminals = [
  '\n\nevent: done\ndata: {}\n\n',
  '\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n',
  '{"error":"x"}\n',
]
const json = ['"}', '"done":true', '\\', '\\u0000', '</script>']
const nasty = fc
  .array(fc.constantFrom(...characters, ...sse, ...terminals, ...json), { maxLength: 6 })
  .map((parts) => parts.join(''))
const tricky = fc.oneof(nasty, trickyText)

const call: fc.Arbitrary<Call> = fc.record({
  name: tricky,
  arguments: fc.dictionary(
    // Keys that begin or end with a backslash are left out. V8 may replace later keys with such a
    // key (docs/hazards.md#83), and this test could not read those keys back.
    tricky.filter((key) => key !== '__proto__' && !/^\\|\\$/.test(key)),
    tricky,
    { maxKeys: 2, noNullPrototype: true },
  ),
})
const piece: fc.Arbitrary<Piece> = fc.record({
  text: tricky,
  thinking: fc.oneof(fc.constant(''), tricky),
  calls: fc.oneof(fc.constant([]), fc.constant([]), fc.array(call, { maxLength: 2 })),
})

/** Writes a piece as Ollama does. The answers of `/api/generate` have no calls. */
const toLine = {
  generate: ({ text, thinking }: Piece) => ({ response: text, ...(thinking && { thinking }) }),
  chat: ({ text, thinking, calls }: Piece) => ({
    message: {
      role: 'assistant',
      content: text,
      ...(thinking && { thinking }),
      ...(calls.length > 0 && { tool_calls: calls.map((called) => ({ function: called })) }),
    },
  }),
}

interface OpenAIPart {
  readonly content?: string | null
  readonly text?: string
  readonly reasoning?: string
  readonly tool_calls?: readonly { readonly function: { readonly name: string; readonly arguments: string } }[]
}
interface OpenAIAnswer {
  readonly choices: readonly (OpenAIPart & { readonly delta?: OpenAIPart; readonly message?: OpenAIPart })[]
}
type Texts = readonly { readonly text: string }[]
interface OpenAIResponse {
  readonly output: readonly {
    readonly type: string
    readonly content?: Texts
    readonly summary?: Texts
    readonly name?: string
    readonly arguments?: string
  }[]
}
interface ResponseEvent {
  readonly type: string
  readonly delta?: string
  readonly name?: string
  readonly arguments?: string
  readonly response?: OpenAIResponse
}
interface Block {
  readonly type: string
  readonly text?: string
  readonly thinking?: string
  readonly name?: string
  readonly input?: Call['arguments']
}
interface AnthropicEvent {
  readonly type: string
  readonly content_block?: Block
  readonly delta?: { readonly text?: string; readonly thinking?: string; readonly partial_json?: string }
}
interface UIChunk {
  readonly type: string
  readonly delta?: string
  readonly toolName?: string
  readonly input?: Call['arguments']
}

const join = (texts: readonly (string | null | undefined)[]) => texts.map((text) => text ?? '').join('')
const parse = (text: string) => JSON.parse(text) as unknown
const dataOf = (text: string) =>
  readEvents([Buffer.from(text)])
    .filter(({ data }) => data !== '[DONE]')
    .map(({ data }) => parse(data))
const toCall = (name = '', json = ''): Call => ({ name, arguments: parse(json) as Call['arguments'] })

const ofChunks = (chunks: readonly unknown[]): Said => {
  const told = chunks as readonly OllamaChunk[]
  return {
    text: join(told.map(({ response, message }) => response ?? message?.content)),
    thinking: join(told.map(({ thinking, message }) => thinking ?? message?.thinking)),
    calls: told.flatMap(({ message }) => (message?.tool_calls ?? []).map((one) => (one as { function: Call }).function)),
  }
}
const ofLines = (text: string) => ofChunks(text.split('\n').filter(Boolean).map(parse))
const ofOpenAI = (answers: readonly unknown[]): Said => {
  const parts = (answers as readonly OpenAIAnswer[])
    .flatMap(({ choices }) => choices)
    .map((choice) => choice.delta ?? choice.message ?? choice)
  return {
    text: join(parts.map(({ content, text }) => content ?? text)),
    thinking: join(parts.map(({ reasoning }) => reasoning)),
    calls: parts.flatMap(({ tool_calls: calls = [] }) =>
      calls.map(({ function: called }) => toCall(called.name, called.arguments)),
    ),
  }
}
const ofOpenAIChunks = (text: string) => ofOpenAI(dataOf(text))
const ofOpenAIAnswer = (text: string) => ofOpenAI([parse(text)])
const ofResponse = (response: unknown): Said => {
  const { output } = response as OpenAIResponse
  return {
    text: join(output.flatMap(({ content = [] }) => content.map(({ text }) => text))),
    thinking: join(output.flatMap(({ summary = [] }) => summary.map(({ text }) => text))),
    calls: output.filter(({ type }) => type === 'function_call').map((one) => toCall(one.name, one.arguments)),
  }
}
const deltasOf = (events: readonly { readonly type: string; readonly delta?: string }[], type: string) =>
  join(events.filter((event) => event.type === type).map(({ delta }) => delta))

const noOrigins = new Map()
const answered = { echo: toEcho(parseResponsesRequest({ input: 'Hi' }, createIgnored())), origins: noOrigins }
const surfaceAt = (path: string) => surfaces.find((surface) => surface.path === path)!

/** Each encoder, with a reader that is not our code: eventsource-parser or JSON.parse. */
const encoders: readonly {
  name: string
  encoder: Encoder
  path: string
  read(text: string): Said
  /** Returns the part of a text that the framing can carry. */
  carries?(text: string): string
}[] = [
  { name: 'native SSE, generate', encoder: nativeSse, path: '/api/generate', read: (text) => ofChunks(dataOf(text)) },
  { name: 'native SSE, chat', encoder: nativeSse, path: '/api/chat', read: (text) => ofChunks(dataOf(text)) },
  { name: 'NDJSON', encoder: ndjson, path: '/api/chat', read: ofLines },
  { name: 'Ollama’s lines, generate', encoder: ollamaStream, path: '/ollama/api/generate', read: ofLines },
  { name: 'Ollama’s lines, chat', encoder: ollamaStream, path: '/ollama/api/chat', read: ofLines },
  { name: 'one object, generate', encoder: folded, path: '/api/generate', read: (text) => ofChunks([parse(text)]) },
  { name: 'one object, chat', encoder: folded, path: '/api/chat', read: (text) => ofChunks([parse(text)]) },
  {
    name: 'messages',
    encoder: plainStream,
    path: '/chat',
    read(text) {
      const events = readEvents([Buffer.from(text)])
      const told = (name: string) => join(events.filter(({ event }) => event === name).map(({ data }) => data))
      return { text: told('messages'), thinking: told('thinking'), calls: [] }
    },
    // Raw text in UTF-8 has no lone surrogates, and SSE's readers treat CR, LF and CRLF as the same
    // line end (WHATWG HTML §9.2.6).
    carries: (text) => text.toWellFormed().replaceAll(/\r\n?/g, '\n'),
  },
  {
    name: 'chat chunks',
    encoder: createChatStream(noOrigins, { includeUsage: false }),
    path: '/v1/chat/completions',
    read: ofOpenAIChunks,
  },
  {
    name: 'chat chunks with usage',
    encoder: createChatStream(noOrigins, { includeUsage: true }),
    path: '/v1/chat/completions',
    read: ofOpenAIChunks,
  },
  { name: 'a chat completion', encoder: createChatWhole(noOrigins), path: '/v1/chat/completions', read: ofOpenAIAnswer },
  { name: 'completion chunks', encoder: completionStream, path: '/v1/completions', read: ofOpenAIChunks },
  { name: 'a completion', encoder: completionWhole, path: '/v1/completions', read: ofOpenAIAnswer },
  {
    name: 'a stream of Responses, by its deltas',
    encoder: createResponseStream(answered),
    path: '/v1/responses',
    read(text) {
      const events = dataOf(text) as ResponseEvent[]
      const finished = events.filter(({ type }) => type === 'response.function_call_arguments.done')
      return {
        text: deltasOf(events, 'response.output_text.delta'),
        thinking: deltasOf(events, 'response.reasoning_summary_text.delta'),
        calls: finished.map((event) => toCall(event.name, event.arguments)),
      }
    },
  },
  {
    name: 'a stream of Responses, by its end',
    encoder: createResponseStream(answered),
    path: '/v1/responses',
    read: (text) => ofResponse((dataOf(text) as ResponseEvent[]).at(-1)!.response),
  },
  {
    name: 'a response',
    encoder: createResponseWhole(answered),
    path: '/v1/responses',
    read: (text) => ofResponse(parse(text)),
  },
  {
    name: 'Anthropic’s events',
    encoder: messageStream,
    path: '/v1/messages',
    read(text) {
      const events = dataOf(text) as AnthropicEvent[]
      const names = events.flatMap(({ content_block: block }) => (block?.type === 'tool_use' ? [block.name] : []))
      const inputs = events.flatMap(({ delta }) => delta?.partial_json ?? [])
      return {
        text: join(events.map(({ delta }) => delta?.text)),
        thinking: join(events.map(({ delta }) => delta?.thinking)),
        calls: inputs.map((input, i) => toCall(names[i], input)),
      }
    },
  },
  {
    name: 'Anthropic’s message',
    encoder: messageWhole,
    path: '/v1/messages',
    read(text) {
      const { content } = parse(text) as { content: readonly Block[] }
      return {
        text: join(content.map((block) => block.text)),
        thinking: join(content.map((block) => block.thinking)),
        calls: content.flatMap(({ type, name, input }) => (type === 'tool_use' ? [{ name: name!, arguments: input! }] : [])),
      }
    },
  },
  {
    name: 'the UI message stream',
    encoder: uiMessageStream,
    path: '/api/ui/chat',
    read(text) {
      const events = dataOf(text) as UIChunk[]
      const made = events.filter(({ type }) => type === 'tool-input-available')
      return {
        text: deltasOf(events, 'text-delta'),
        thinking: deltasOf(events, 'reasoning-delta'),
        calls: made.map(({ toolName, input }) => ({ name: toolName!, arguments: input! })),
      }
    },
  },
]

describe('output as attack', () => {
  test.each(surfaces.filter(({ endpoint }) => endpoint !== undefined))('is tested at $path', ({ path }) => {
    const tried = encoders.map((one) => one.path)
    // `/ollama/v1/…` has the same handlers as `/v1/…`, so the table contains only `/v1/…`.
    expect(tried, `add the encoders of ${path} to the table in tests/injection.test.ts`).toContain(
      path.replace(/^\/ollama(?=\/v1\/)/, ''),
    )
  })

  test.each(encoders)(
    '$name: 10,000 outputs are read back exactly, and end once',
    { timeout: 120_000 },
    ({ encoder, path, read, carries = (text) => text }) => {
      const surface = surfaceAt(path)
      const hasCalls = surface.endpoint === 'chat'
      fc.assert(
        fc.property(fc.array(piece, { minLength: 1, maxLength: 3 }), (pieces) => {
          const chunks = pieces.map((one, i) => ({
            model: 'm',
            ...toLine[surface.endpoint!](one),
            done: i === pieces.length - 1,
          }))
          const decoder = createDecoder({ maxLineBytes: 1e6 })
          const encode = startText(encoder, { requestId: 'id-1', maxBytes: 1e6 })
          const text = chunks.map((chunk) => encode(decoder.push(Buffer.from(`${JSON.stringify(chunk)}\n`)))).join('')
          // Encodes and decodes the text as UTF-8, because a reader receives bytes.
          const received = Buffer.from(text).toString()
          expect(read(received)).toEqual({
            text: join(pieces.map((one) => carries(one.text))),
            thinking: join(pieces.map((one) => carries(one.thinking))),
            calls: hasCalls ? pieces.flatMap(({ calls }) => calls) : [],
          })
          expect(toEnding(surface, { status: 200, contentType: encoder.contentType, text: received })).toBe('done')
        }),
        { numRuns: runs },
      )
    },
  )
})
