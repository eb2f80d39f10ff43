import type { GenerationEvent, OllamaChunk } from '../../../src/generation.ts'

/** Returns a list with the only object of an answer, or an empty list for an empty answer. */
export const readObject = (pieces: readonly Uint8Array[]): unknown[] => {
  const text = Buffer.concat(pieces).toString()
  return text === '' ? [] : [JSON.parse(text)]
}

export const join = (texts: readonly (string | undefined)[]) => texts.map((text) => text ?? '').join('')

/** Returns a stream's chunks, or undefined if the stream did not end with `done`. */
export function toChunks(events: readonly GenerationEvent[]): OllamaChunk[] | undefined {
  if (events.at(-1)?.type !== 'done') return undefined
  return events.flatMap((event) => (event.type === 'failed' ? [] : [event.chunk]))
}

/** Makes the expected answer. The caller makes `choice` independently of our code. */
export function toWhole(chunks: readonly OllamaChunk[], id: string, object: string, choice: object) {
  const { eval_count: completion_tokens = 0 } = chunks.at(-1)!
  const whole = {
    id,
    object,
    created: Date.UTC(2026, 10, 22, 10, 13, 50) / 1000,
    model: 'gemma3:270m',
    system_fingerprint: 'fp_ollama',
    choices: [{ index: 0, ...choice }],
    usage: { prompt_tokens: 0, completion_tokens, total_tokens: completion_tokens },
  }
  return [JSON.parse(JSON.stringify(whole)) as unknown]
}

export const toReason = (chunks: readonly OllamaChunk[], calls = 0) =>
  chunks.at(-1)!.done_reason === 'length' ? 'length' : calls > 0 ? 'tool_calls' : 'stop'
