import { vi } from 'vitest'
import { toDeltaLine, toDoneLine } from '#fake-ollama/ollama-lines.ts'
import { ndjson } from '#fake-ollama/scripts.ts'
import type { Exchange, Script, SeenRequest, Upstream } from '#fake-ollama/upstream.ts'

/** The body of `POST /api/chat`, with the fields that the page writes. */
export interface AskedBody {
  readonly model?: string
  readonly messages: readonly { readonly role: string; readonly content: string; readonly images?: readonly string[] }[]
  readonly options?: Readonly<Record<string, unknown>>
  readonly think?: boolean
  readonly keep_alive?: unknown
}

/** A fake Ollama. Each test sets its answers. */
export interface Ollama {
  /**
   * Answers this question with the script. With several scripts, each one answers one request, in
   * order. The last one also answers all further requests.
   */
  on(question: string, ...scripts: readonly Script[]): void
  /** Waits for the n-th request with this question, counted from 1. */
  asked(question: string, nth?: number): Promise<{ readonly request: SeenRequest; readonly body: AskedBody }>
  /** How often this question was asked. */
  countOf(question: string): number
  /** Sets the models that `/api/tags` and `/api/show` list, and which of them are loaded. */
  has(models: readonly FakeModel[]): void
  /** Sets whether Ollama answers `/api/ps`, which lists the loaded models. */
  tellsLoaded(doesTell: boolean): void
}

export interface FakeModel {
  readonly name: string
  readonly capabilities?: readonly string[]
  readonly isLoaded?: boolean
  readonly size?: number
}

const models: readonly FakeModel[] = [
  { name: 'newest:70b', size: 42_500_000_000 },
  { name: 'talker:latest', isLoaded: true },
  { name: 'seer:8b', capabilities: ['completion', 'vision'] },
  { name: 'thinker:latest', capabilities: ['completion', 'thinking', 'tools'] },
  { name: 'embedder:latest', capabilities: ['embedding'] },
]

/** Adds models to the fake upstream, and lets a test set a script for each question. */
export function createOllama(upstream: Upstream): Ollama {
  const scripts = new Map<string, readonly Script[]>()
  const requests = new Map<string, SeenRequest[]>()
  let known = models
  let doesTell = true

  const toTag = ({ name, size = 3_300_000_000 }: FakeModel, index: number) => ({
    name,
    model: name,
    modified_at: new Date(Date.UTC(2026, 10, 22) - index * 3_600_000).toISOString(),
    size,
    digest: `digest of ${name}`,
    details: { family: 'llama', parameter_size: '4.3B', quantization_level: 'Q4_K_M' },
  })
  upstream.on('GET /api/tags', (exchange) => sayJson(exchange, { models: known.map(toTag) }))
  upstream.on('GET /api/ps', (exchange) => {
    if (doesTell) sayJson(exchange, { models: known.filter(({ isLoaded }) => isLoaded).map(toTag) })
  })
  upstream.on('POST /api/show', (exchange) => {
    const { model } = exchange.request.json as { model: string }
    const { capabilities = ['completion'] } = known.find(({ name }) => name === model) ?? {}
    sayJson(exchange, { capabilities, model_info: { 'llama.context_length': 8192 } })
  })
  upstream.on('POST /api/chat', (exchange) => {
    const question = toQuestion(exchange.request)
    const seen = [...(requests.get(question) ?? []), exchange.request]
    requests.set(question, seen)
    const all = scripts.get(question) ?? [says(`You asked: ${question}`)]
    return (all[seen.length - 1] ?? all.at(-1)!)(exchange)
  })

  return {
    on: (question, ...all) => void scripts.set(question, all),
    async asked(question, nth = 1) {
      const request = await vi.waitUntil(() => requests.get(question)?.[nth - 1], { timeout: 5000, interval: 5 })
      return { request, body: request.json as AskedBody }
    },
    countOf: (question) => requests.get(question)?.length ?? 0,
    has: (next) => void (known = next),
    tellsLoaded: (next) => void (doesTell = next),
  }
}

function toQuestion({ json }: SeenRequest): string {
  return (json as AskedBody).messages.findLast(({ role }) => role === 'user')?.content ?? ''
}

/** Answers with one JSON object. */
export function sayJson(
  exchange: Exchange,
  value: unknown,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): void {
  exchange.head(status, { 'content-type': 'application/json', ...headers })
  exchange.chunk(JSON.stringify(value))
  exchange.end()
}

/** Answers with these pieces, one token each. */
export function says(...pieces: readonly string[]): Script {
  return (exchange) => {
    begin(exchange, pieces)
    finish(exchange)
  }
}

/**
 * Sends these pieces immediately, and runs `then` after the test has called `pass`. Without `then`,
 * the stream stays open.
 */
export function begins(pieces: readonly string[], then: Script = () => {}): Script {
  return async (exchange) => {
    begin(exchange, pieces)
    await exchange.passed
    await then(exchange)
  }
}

/** Continues with these pieces, then ends. */
export function goesOn(...pieces: readonly string[]): Script {
  return (exchange) => {
    for (const piece of pieces) exchange.chunk(`${toDeltaLine(exchange.request, piece)}\n`)
    finish(exchange)
  }
}

/** Answers with an error. */
export function refuses(status: number, error: string, headers?: Readonly<Record<string, string>>): Script {
  return (exchange) => sayJson(exchange, { error }, status, headers)
}

/**
 * Sends the last line, which reports nine prompt tokens, and three generated tokens in 90 ms.
 * `changes` replaces fields of this line.
 */
export function finish(exchange: Exchange, changes: Readonly<Record<string, unknown>> = {}): void {
  exchange.chunk(`${JSON.stringify({ ...JSON.parse(toDoneLine(exchange.request, 3)), ...changes })}\n`)
  exchange.end()
}

/** Makes a line of `/api/chat` whose message has these fields. */
export function toLine(message: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify({ model: 'thinker', created_at: '2026-11-22T10:14:53Z', message: { role: 'assistant', content: '', ...message }, done: false })}\n`
}

function begin(exchange: Exchange, pieces: readonly string[]): void {
  exchange.head(200, ndjson)
  for (const piece of pieces) exchange.chunk(`${toDeltaLine(exchange.request, piece)}\n`)
}
