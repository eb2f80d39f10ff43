import { vi } from 'vitest'
import { toDeltaLine, toDoneLine } from '#fake-ollama/ollama-lines.ts'
import { ndjson } from '#fake-ollama/scripts.ts'
import type { Exchange, Script, SeenRequest, Upstream } from '#fake-ollama/upstream.ts'

/** Body of `POST /api/chat`, as far as the page writes it. */
export interface AskedBody {
  readonly model?: string
  readonly messages: readonly { readonly role: string; readonly content: string; readonly images?: readonly string[] }[]
  readonly options?: Readonly<Record<string, unknown>>
  readonly think?: boolean
  readonly keep_alive?: unknown
}

/** An Ollama that answers each question as its test says. */
export interface Ollama {
  /** Answers this question so, or, given several, each time as the next one says. */
  on(question: string, ...scripts: readonly Script[]): void
  /** The n-th request with this question, from 1; waits for it. */
  asked(question: string, nth?: number): Promise<{ readonly request: SeenRequest; readonly body: AskedBody }>
  /** How often it was asked that. */
  countOf(question: string): number
  /** What it has, as `/api/tags` and `/api/show` tell, and which of them are loaded; until it is told otherwise. */
  has(models: readonly FakeModel[]): void
  /** Whether it answers who asks what is loaded. */
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

/** Makes the fixture one that has a few models and knows its questions. */
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

/** One JSON object. */
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

/** An answer of these pieces, a token each. */
export function says(...pieces: readonly string[]): Script {
  return (exchange) => {
    begin(exchange, pieces)
    finish(exchange)
  }
}

/** These pieces at once; then, when the test says `pass`, what `then` says. Without it, it stays open. */
export function begins(pieces: readonly string[], then: Script = () => {}): Script {
  return async (exchange) => {
    begin(exchange, pieces)
    await exchange.passed
    await then(exchange)
  }
}

/** Goes on with these pieces, and ends. */
export function goesOn(...pieces: readonly string[]): Script {
  return (exchange) => {
    for (const piece of pieces) exchange.chunk(`${toDeltaLine(exchange.request, piece)}\n`)
    finish(exchange)
  }
}

/** An error instead of an answer. */
export function refuses(status: number, error: string, headers?: Readonly<Record<string, string>>): Script {
  return (exchange) => sayJson(exchange, { error }, status, headers)
}

/** The last line: three tokens, in 90 ms, after 9 of the prompt. `changes` replace its fields. */
export function finish(exchange: Exchange, changes: Readonly<Record<string, unknown>> = {}): void {
  exchange.chunk(`${JSON.stringify({ ...JSON.parse(toDoneLine(exchange.request, 3)), ...changes })}\n`)
  exchange.end()
}

/** A line with a message that has more than text. */
export function toLine(message: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify({ model: 'thinker', created_at: '2026-11-22T10:14:53Z', message: { role: 'assistant', content: '', ...message }, done: false })}\n`
}

function begin(exchange: Exchange, pieces: readonly string[]): void {
  exchange.head(200, ndjson)
  for (const piece of pieces) exchange.chunk(`${toDeltaLine(exchange.request, piece)}\n`)
}
