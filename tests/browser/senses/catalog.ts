import { ndjson } from '#fake-ollama/scripts.ts'
import type { Exchange, Script, Upstream } from '#fake-ollama/upstream.ts'

/** A model as Ollama lists it, and its capabilities. */
export interface CatalogModel {
  readonly name: string
  readonly gigabytes: number
  readonly parameters: string
  readonly quantization: string
  readonly capabilities: readonly string[]
  readonly isLoaded?: boolean
}

/** The model that answers in the tests, because it is loaded. */
export const model = 'qwen3:8b'

/**
 * Models that a current machine may have: one of each kind that the page distinguishes. The page
 * asks the first loaded model.
 */
const catalog: readonly CatalogModel[] = [
  {
    name: model,
    gigabytes: 5.2,
    parameters: '8.2B',
    quantization: 'Q4_K_M',
    capabilities: ['completion', 'tools', 'thinking'],
    isLoaded: true,
  },
  {
    name: 'gemma3:4b',
    gigabytes: 3.3,
    parameters: '4.3B',
    quantization: 'Q4_K_M',
    capabilities: ['completion', 'vision'],
  },
  { name: 'llama3.2:latest', gigabytes: 2, parameters: '3.2B', quantization: 'Q4_K_M', capabilities: ['completion', 'tools'] },
  {
    name: 'deepseek-r1:14b',
    gigabytes: 9,
    parameters: '14.8B',
    quantization: 'Q4_K_M',
    capabilities: ['completion', 'thinking'],
  },
  {
    name: 'nomic-embed-text:latest',
    gigabytes: 0.274,
    parameters: '137M',
    quantization: 'F16',
    capabilities: ['embedding'],
  },
]

/** Makes the upstream list these models instead of the recorded ones. */
export function listModels(upstream: Upstream, models: readonly CatalogModel[] = catalog): void {
  const entries = models.map(({ name, gigabytes, parameters, quantization }) => ({
    name,
    model: name,
    size: gigabytes * 1e9,
    digest: Buffer.from(name).toString('hex'),
    details: { family: 'llama', parameter_size: parameters, quantization_level: quantization },
  }))
  const isLoaded = ({ name }: { name: string }) => models.some((model) => model.name === name && model.isLoaded)
  upstream.on('GET /api/tags', json({ models: entries }))
  upstream.on('GET /api/ps', json({ models: entries.filter(isLoaded) }))
  upstream.on('GET /api/version', json({ version: '0.12.6' }))
  upstream.on('POST /api/show', (exchange) => {
    const { model } = exchange.request.json as { model: string }
    const { capabilities = [] } = models.find(({ name }) => name === model) ?? {}
    return json({ capabilities, model_info: { 'llama.context_length': 32_768 } })(exchange)
  })
}

/** One piece of an answer: text, thoughts, or a call of a tool. */
export type Piece = string | { readonly thinking: string } | { readonly tool: string; readonly arguments: object }

/** Writes each piece as a line of `/api/chat`. It does not write the line that ends the answer. */
export function writePiecesTo(exchange: Exchange, pieces: readonly Piece[]): void {
  for (const piece of pieces)
    exchange.chunk(`${JSON.stringify({ model: modelIn(exchange), message: toMessage(piece), done: false })}\n`)
}

/** Answers with these pieces and a successful last line, which always contains the same numbers. */
export function answering(...pieces: readonly Piece[]): Script {
  return (exchange) => {
    exchange.head(200, ndjson)
    writePiecesTo(exchange, pieces)
    end(exchange)
  }
}

/** Sends the pieces, then nothing more. */
export function pausing(...pieces: readonly Piece[]): Script {
  return (exchange) => {
    exchange.head(200, ndjson)
    writePiecesTo(exchange, pieces)
  }
}

/** Sends the pieces, then Ollama's own error line. */
export function failing(...pieces: readonly Piece[]): Script {
  return (exchange) => {
    exchange.head(200, ndjson)
    writePiecesTo(exchange, pieces)
    exchange.chunk(`${JSON.stringify({ error: 'llama runner process has terminated: CUDA error: out of memory' })}\n`)
    exchange.end()
  }
}

/** Sends the line that ends an answer successfully. */
export function end(exchange: Exchange, reason = 'stop'): void {
  exchange.chunk(
    `${JSON.stringify({
      model: modelIn(exchange),
      message: { role: 'assistant', content: '' },
      done: true,
      done_reason: reason,
      prompt_eval_count: 38,
      eval_count: 214,
      eval_duration: 4_360_000_000,
    })}\n`,
  )
  exchange.end()
}

/** Splits text into tokens as a model does: each token is a word with the space before it. */
export function toTokens(text: string): string[] {
  return text.match(/\s*\S{1,12}|\s+$/g) ?? []
}

function toMessage(piece: Piece): object {
  if (typeof piece === 'string') return { role: 'assistant', content: piece }
  if ('thinking' in piece) return { role: 'assistant', content: '', thinking: piece.thinking }
  return {
    role: 'assistant',
    content: '',
    tool_calls: [{ function: { name: piece.tool, arguments: piece.arguments } }],
  }
}

function modelIn({ request }: Exchange): string {
  return (request.json as { model?: string }).model ?? ''
}

function json(value: unknown): Script {
  const text = JSON.stringify(value)
  return (exchange) => {
    exchange.head(200, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(Buffer.byteLength(text)),
    })
    exchange.chunk(text)
    exchange.end()
  }
}
