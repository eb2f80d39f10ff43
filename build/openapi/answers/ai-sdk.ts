import * as v from 'valibot'

const part = { id: v.string() }
const count = v.optional(v.number())

/** The chunks of the UI message stream, version 1. */
export const aiSdkAnswers = {
  UiMessageChunk: v.variant('type', [
    v.strictObject({ type: v.literal('start'), messageId: v.optional(v.string()) }),
    v.strictObject({ type: v.literal('start-step') }),
    v.strictObject({ type: v.literal('text-start'), ...part }),
    v.strictObject({ type: v.literal('text-delta'), ...part, delta: v.string() }),
    v.strictObject({ type: v.literal('text-end'), ...part }),
    v.strictObject({ type: v.literal('reasoning-start'), ...part }),
    v.strictObject({ type: v.literal('reasoning-delta'), ...part, delta: v.string() }),
    v.strictObject({ type: v.literal('reasoning-end'), ...part }),
    v.strictObject({
      type: v.literal('tool-input-available'),
      toolCallId: v.string(),
      toolName: v.string(),
      input: v.unknown(),
    }),
    v.strictObject({ type: v.literal('finish-step') }),
    v.strictObject({
      type: v.literal('finish'),
      finishReason: v.picklist(['stop', 'length', 'tool-calls', 'other']),
      messageMetadata: v.strictObject({
        model: v.nullish(v.string()),
        done_reason: v.nullish(v.string()),
        usage: v.strictObject({ inputTokens: count, outputTokens: count, totalTokens: count }),
        timings: v.strictObject({ totalMs: count, loadMs: count, promptEvalMs: count, evalMs: count }),
      }),
    }),
    v.strictObject({ type: v.literal('abort'), reason: v.string() }),
    v.strictObject({ type: v.literal('error'), errorText: v.string() }),
  ]),
}
