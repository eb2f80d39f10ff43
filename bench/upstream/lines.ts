import { toChunk, type End } from '#fake-ollama/emulator/chunk.ts'
import { MODEL } from './question.ts'

/**
 * A character that every token contains once, and that occurs nowhere else. Readers count it in any
 * framing, to count the tokens.
 */
export const MARK = '~'

/**
 * The bytes that the upstream sends on one path. The HTTP chunks are made once, so they cost
 * nothing per token.
 */
export interface Lines {
  readonly contentType: string
  /** A token as Ollama sends it: about 110 bytes, or 230 bytes in OpenAI's format. */
  readonly token: Buffer
  /**
   * Many tokens for one write, each in an HTTP chunk of its own. When a server reads more slowly
   * than Ollama sends, one read returns such a block.
   */
  readonly block: Buffer
  /** The end of the stream. */
  readonly ending: Buffer
}

const BLOCK_BYTES = 65_536

/** Wraps a line or an event in one HTTP chunk, as Ollama does when it flushes. */
function toHttpChunk(text: string): Buffer {
  return Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`)
}

function toLines(contentType: string, toText: (token: string) => string, last: string[]): Lines {
  const token = toHttpChunk(toText(` tok${MARK}`))
  return {
    contentType,
    token,
    block: Buffer.concat(Array.from({ length: Math.floor(BLOCK_BYTES / token.length) }, () => token)),
    ending: Buffer.concat(last.map(toHttpChunk)),
  }
}

function toNdjson(endpoint: 'generate' | 'chat'): Lines {
  const head = { endpoint, model: MODEL, createdAt: '2026-11-20T09:30:00.123456789Z' }
  const toLine = (text: string, end?: End) => `${JSON.stringify(toChunk(head, { text }, end))}\n`
  return toLines('application/x-ndjson', toLine, [toLine('', { doneReason: 'stop' })])
}

function toCompletion(content: string, finish_reason: 'stop' | null = null): string {
  const choices = [{ index: 0, delta: { role: 'assistant', content }, finish_reason }]
  const head = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1_795_000_000, model: MODEL }
  return `data: ${JSON.stringify({ ...head, system_fingerprint: 'fp_ollama', choices })}\n\n`
}

/** The streams of Ollama 0.24, by the path of the request. */
export const linesOf: Readonly<Record<string, Lines>> = {
  '/api/generate': toNdjson('generate'),
  '/api/chat': toNdjson('chat'),
  '/v1/chat/completions': toLines('text/event-stream', toCompletion, [toCompletion('', 'stop'), 'data: [DONE]\n\n']),
}
