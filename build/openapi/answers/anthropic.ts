import * as v from 'valibot'

const usage = v.strictObject({ input_tokens: v.number(), output_tokens: v.number() })
const thinking = v.strictObject({ type: v.literal('thinking'), thinking: v.string(), signature: v.literal('') })
const text = v.strictObject({ type: v.literal('text'), text: v.string() })
const toolUse = v.strictObject({ type: v.literal('tool_use'), id: v.string(), name: v.string(), input: v.unknown() })
const block = v.variant('type', [thinking, text, toolUse])
const ended = { stop_reason: v.picklist(['end_turn', 'max_tokens', 'tool_use']), stop_sequence: v.null() }
const head = {
  id: v.string(),
  type: v.literal('message'),
  role: v.literal('assistant'),
  model: v.nullable(v.string()),
}
const error = v.strictObject({
  type: v.literal('error'),
  error: v.strictObject({ type: v.string(), message: v.string(), code: v.string() }),
  request_id: v.string(),
})
const message = { ...head, content: v.array(block), stop_reason: v.null(), stop_sequence: v.null(), usage }
const deltas = v.variant('type', [
  v.strictObject({ type: v.literal('text_delta'), text: v.string() }),
  v.strictObject({ type: v.literal('thinking_delta'), thinking: v.string() }),
  v.strictObject({ type: v.literal('input_json_delta'), partial_json: v.string() }),
])

export const anthropicAnswers = {
  AnthropicError: error,
  Message: v.strictObject({ ...head, content: v.array(block), ...ended, usage }),
  MessageBlock: block,
}

/** The data of each event, by its name. */
export const anthropicEvents = {
  message_start: v.strictObject({ type: v.literal('message_start'), message: v.strictObject(message) }),
  content_block_start: v.strictObject({
    type: v.literal('content_block_start'),
    index: v.number(),
    content_block: block,
  }),
  content_block_delta: v.strictObject({ type: v.literal('content_block_delta'), index: v.number(), delta: deltas }),
  content_block_stop: v.strictObject({ type: v.literal('content_block_stop'), index: v.number() }),
  message_delta: v.strictObject({ type: v.literal('message_delta'), delta: v.strictObject(ended), usage }),
  message_stop: v.strictObject({ type: v.literal('message_stop') }),
  ping: v.strictObject({ type: v.literal('ping') }),
  error,
}
