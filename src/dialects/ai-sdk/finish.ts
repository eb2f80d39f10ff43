import type { OllamaChunk } from '../../generation.ts'

/** The last chunk of a success: the SDK's reason, and as the message's metadata what Ollama says of its work. */
export function toFinish(last: OllamaChunk, hasCalls: boolean) {
  const { model, done_reason, prompt_eval_count: inputTokens, eval_count: outputTokens } = last
  const totalTokens = inputTokens === undefined || outputTokens === undefined ? undefined : inputTokens + outputTokens
  const messageMetadata = {
    model,
    done_reason,
    usage: { inputTokens, outputTokens, totalTokens },
    timings: {
      totalMs: toMs(last.total_duration),
      loadMs: toMs(last.load_duration),
      promptEvalMs: toMs(last.prompt_eval_duration),
      evalMs: toMs(last.eval_duration),
    },
  }
  return { type: 'finish', finishReason: toReason(done_reason, hasCalls), messageMetadata }
}

/** Ollama's durations are nanoseconds, and optional. */
function toMs(nanoseconds: unknown): number | undefined {
  return typeof nanoseconds === 'number' ? nanoseconds / 1e6 : undefined
}

/** `FinishReason` of the SDK. Ollama says `stop` for tool calls as well (docs/ollama.md §1). */
function toReason(reason: string | undefined, hasCalls: boolean): 'stop' | 'length' | 'tool-calls' | 'other' {
  if (reason === 'length') return 'length'
  if (hasCalls) return 'tool-calls'
  return reason === undefined || reason === 'stop' ? 'stop' : 'other'
}
