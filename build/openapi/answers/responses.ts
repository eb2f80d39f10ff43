import * as v from 'valibot'
import { logprob, openaiAnswers } from './openai.ts'

const id = v.string()
const status = v.picklist(['in_progress', 'completed', 'incomplete'])
const nullableNumber = v.nullable(v.number())

const outputText = v.strictObject({
  type: v.literal('output_text'),
  text: v.string(),
  annotations: v.array(v.unknown()),
  logprobs: v.array(logprob),
})
const summaryText = v.strictObject({ type: v.literal('summary_text'), text: v.string() })
const call = { id, status, call_id: id, name: v.string(), namespace: v.optional(v.string()) }
const item = v.variant('type', [
  v.strictObject({ id, status, type: v.literal('message'), role: v.literal('assistant'), content: v.array(outputText) }),
  v.strictObject({ id, status, type: v.literal('reasoning'), summary: v.array(summaryText) }),
  v.strictObject({ ...call, type: v.literal('function_call'), arguments: v.string() }),
  v.strictObject({ ...call, type: v.literal('custom_tool_call'), input: v.string() }),
  v.strictObject({
    id,
    status,
    type: v.literal('tool_search_call'),
    call_id: id,
    execution: v.literal('client'),
    arguments: v.unknown(),
  }),
])

const response = v.strictObject({
  id,
  object: v.literal('response'),
  status: v.picklist(['queued', 'in_progress', 'completed', 'incomplete', 'failed', 'cancelled']),
  created_at: v.pipe(v.number(), v.description('Seconds since 1970')),
  completed_at: nullableNumber,
  model: v.nullable(v.string()),
  output: v.array(item),
  error: v.nullable(v.strictObject({ code: v.string(), message: v.string() })),
  incomplete_details: v.nullable(v.strictObject({ reason: v.literal('max_output_tokens') })),
  usage: v.nullable(
    v.strictObject({
      input_tokens: v.number(),
      input_tokens_details: v.strictObject({ cached_tokens: v.literal(0) }),
      output_tokens: v.number(),
      output_tokens_details: v.strictObject({ reasoning_tokens: v.literal(0) }),
      total_tokens: v.number(),
    }),
  ),
  background: v.boolean(),
  instructions: v.nullable(v.string()),
  max_output_tokens: nullableNumber,
  max_tool_calls: v.null(),
  metadata: v.looseObject({}),
  parallel_tool_calls: v.literal(true),
  previous_response_id: v.null(),
  prompt_cache_key: v.null(),
  reasoning: v.strictObject({ effort: v.nullable(v.string()), summary: v.unknown() }),
  safety_identifier: v.null(),
  service_tier: v.literal('default'),
  store: v.boolean(),
  temperature: nullableNumber,
  text: v.strictObject({ format: v.looseObject({ type: v.string() }) }),
  tool_choice: v.unknown(),
  tools: v.array(v.unknown()),
  top_logprobs: v.number(),
  top_p: nullableNumber,
  truncation: v.literal('disabled'),
})

const place = { item_id: id, output_index: v.number() }
const inMessage = { ...place, content_index: v.literal(0) }
const inReasoning = { ...place, summary_index: v.literal(0) }
const delta = { delta: v.string() }
const logprobs = { logprobs: v.array(logprob) }

/** The fields of each event, without `type` and `sequence_number`. */
const events = {
  'response.created': { response },
  'response.queued': { response },
  'response.in_progress': { response },
  'response.completed': { response },
  'response.incomplete': { response },
  'response.failed': { response, ...openaiAnswers.OpenAIError.entries },
  'response.output_item.added': { output_index: v.number(), item },
  'response.output_item.done': { output_index: v.number(), item },
  'response.content_part.added': { ...inMessage, part: outputText },
  'response.content_part.done': { ...inMessage, part: outputText },
  'response.output_text.delta': { ...inMessage, ...delta, ...logprobs },
  'response.output_text.done': { ...inMessage, text: v.string(), ...logprobs },
  'response.reasoning_summary_part.added': { ...inReasoning, part: summaryText },
  'response.reasoning_summary_part.done': { ...inReasoning, part: summaryText },
  'response.reasoning_summary_text.delta': { ...inReasoning, ...delta },
  'response.reasoning_summary_text.done': { ...inReasoning, text: v.string() },
  'response.function_call_arguments.delta': { ...place, ...delta },
  'response.function_call_arguments.done': { ...place, name: v.string(), arguments: v.string() },
  'response.custom_tool_call_input.delta': { ...place, ...delta },
  'response.custom_tool_call_input.done': { ...place, input: v.string() },
}

export const responseAnswers = {
  Response: response,
  ResponseItem: item,
  ResponseDeleted: v.strictObject({ id, object: v.literal('response'), deleted: v.literal(true) }),
}

/** The data of each event, by its name. */
export const responseEvents = Object.fromEntries(
  Object.entries<v.ObjectEntries>(events).map(([type, entries]) => [
    type,
    v.strictObject({ type: v.literal(type), ...entries, sequence_number: v.number() }),
  ]),
)
