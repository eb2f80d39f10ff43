import { createEmulator } from '#fake-ollama/emulator/emulator.ts'
import type { Emulator } from '#fake-ollama/emulator/emulator.ts'

/** Creates a fast emulator: it has no cold start, and sends tokens as fast as timers run. */
export function createFastEmulator(): Emulator {
  return createEmulator({ tokensPerSecond: 20_000, coldStartMs: 0 })
}

export function post(emulator: Emulator, path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return emulator.fetch(`http://demo${path}`, { method: 'POST', body: text, ...(signal && { signal }) })
}

/** The fields of a line that tests read. */
export interface Line {
  model?: string
  response?: string
  thinking?: string
  message?: {
    content: string
    thinking?: string
    tool_calls?: { id: string; function: { name: string; arguments: unknown } }[]
  }
  done?: boolean
  done_reason?: string
  context?: number[]
  eval_count?: number
  error?: string
  logprobs?: { token: string; bytes: number[]; top_logprobs?: unknown[] }[]
}

export async function readLines(response: Response): Promise<Line[]> {
  const text = await response.text()
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
}

/** Returns the lines of the answer to a prompt. */
export async function generate(emulator: Emulator, prompt: string, rest: object = {}): Promise<Line[]> {
  return readLines(await post(emulator, '/api/generate', { model: 'demo', prompt, ...rest }))
}

export function toText(lines: readonly Line[]): string {
  return lines.map((line) => line.response ?? line.message?.content ?? '').join('')
}

export function toThinking(lines: readonly Line[]): string {
  return lines.map((line) => line.thinking ?? line.message?.thinking ?? '').join('')
}
