import { MODEL } from './question.ts'

/** A byte that every token has once and nothing else has: readers count tokens by it, whatever the framing around them. */
export const MARK = '~'

/** What the upstream sends in one dialect; HTTP chunks made once cost nothing per token. */
export interface Lines {
  readonly contentType: string
  /** A token as Ollama sends it, about 110 bytes (OpenAI's: 230). */
  readonly token: Buffer
  /** Many tokens to be sent by one write, each still in an HTTP chunk of its own, as a reader that lags behind Ollama finds them. */
  readonly block: Buffer
  /** The same with tokens of 32 KB, which fill the kernel's buffers in seconds on every runtime: small ones take minutes on workerd. */
  readonly wideBlock: Buffer
  /** What comes last, and the end of the body. */
  readonly ending: Buffer
}

const BLOCK_BYTES = 65_536
const WIDE_WORDS = 6_400

/** One flush of Ollama: a line or an event in an HTTP chunk of its own. */
function toHttpChunk(text: string): Buffer {
  return Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`)
}

const toBlock = (chunk: Buffer): Buffer =>
  Buffer.concat(Array.from({ length: Math.floor(BLOCK_BYTES / chunk.length) }, () => chunk))

function toLines(contentType: string, toText: (token: string) => string, last: string[]): Lines {
  const token = toHttpChunk(toText(` tok${MARK}`))
  return {
    contentType,
    token,
    block: toBlock(token),
    wideBlock: toBlock(toHttpChunk(toText(`${MARK}${' wide'.repeat(WIDE_WORDS)}`))),
    ending: Buffer.concat([...last.map(toHttpChunk), Buffer.from('0\r\n\r\n')]),
  }
}

const common = { model: MODEL, created_at: '2026-11-20T09:30:00.123456789Z' }
const stop = { done: true, done_reason: 'stop', total_duration: 174560334, eval_count: 18 }
const toLine = (fields: object): string => `${JSON.stringify({ ...common, ...fields })}\n`
const toMessage = (content: string): object => ({ message: { role: 'assistant', content } })

const completion = {
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1_795_000_000,
  model: MODEL,
  system_fingerprint: 'fp_ollama',
}
const toChoice = (content: string, finish_reason: 'stop' | null): string =>
  `data: ${JSON.stringify({ ...completion, choices: [{ index: 0, delta: { role: 'assistant', content }, finish_reason }] })}\n\n`

/** The streams of Ollama 0.24, by what is spoken. */
export const lines: Readonly<Record<'generate' | 'chat' | 'openai', Lines>> = {
  generate: toLines('application/x-ndjson', (response) => toLine({ response, done: false }), [
    toLine({ response: '', ...stop }),
  ]),
  chat: toLines('application/x-ndjson', (content) => toLine({ ...toMessage(content), done: false }), [
    toLine({ ...toMessage(''), ...stop }),
  ]),
  openai: toLines('text/event-stream', (content) => toChoice(content, null), [toChoice('', 'stop'), 'data: [DONE]\n\n']),
}
