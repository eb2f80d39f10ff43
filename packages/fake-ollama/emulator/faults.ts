/**
 * The faults that a prompt asks for. They show the user of the demo each failure of
 * docs/protocol.md#4-errors, without a broken server.
 */
export interface Faults {
  /** Milliseconds of silence before the first token, in addition to the time for loading. */
  slowStartMs: number
  end?: { kind: 'fail' | 'truncate' | 'stall'; afterTokens: number }
}

const maxTokens = 1000
const maxSlowStartSeconds = 600

/** Ollama's error text when its runner dies in the middle of a stream (captures/runner-dies). */
export const runnerDied = 'an error was encountered while running the model: unexpected EOF'

/**
 * Finds the commands in a prompt:
 * - `/fail after 5`: an error line after five tokens
 * - `/truncate after 5`: a clean end without `done` after five tokens
 * - `/stall after 5`: endless silence after five tokens
 * - `/slow-start 10`: ten seconds of silence before the first token
 */
export function parseFaults(prompt: string): Faults {
  const [, kind, after = '5'] = /\/(fail|truncate|stall)\b(?:\s+after\s+(\d+))?/i.exec(prompt) ?? []
  const [, seconds = '0'] = /\/slow-start\s+(\d+)/i.exec(prompt) ?? []
  const slowStartMs = Math.min(Number(seconds), maxSlowStartSeconds) * 1000
  if (kind === undefined) return { slowStartMs }
  const end = { kind: kind.toLowerCase() as 'fail' | 'truncate' | 'stall', afterTokens: Math.min(Number(after), maxTokens) }
  return { slowStartMs, end }
}
