import * as fc from 'fast-check'
import type { Json } from './ask.ts'
import { canary, jsonText, oddJson } from './odd-json.ts'

/**
 * Parts of conversations that any model, tool or server of any API may have written. Some parts are
 * cut off.
 */

const png = 'iVBORw0KGgo='
const roles = [
  'user',
  'assistant',
  'system',
  'developer',
  'tool',
  'function',
  'control',
  'thinking',
  'document 1',
  'User',
  canary,
]
const urls = [
  `data:image/png;base64,${png}`,
  `data:;base64,${png}`,
  'data:image/png;base64,?',
  'https://x.test/y.png',
  'data:,',
  '',
]
const sources = [
  { type: 'base64', media_type: 'image/png', data: png },
  { type: 'base64', media_type: 'application/pdf', data: 'JVBERg==' },
  { type: 'url', url: 'https://x.test/y.png' },
  { type: 'file', file_id: 'file_1' },
  { type: 'text', media_type: 'text/plain', data: canary },
  { type: 'content', content: [{ type: 'text', text: canary }] },
]
const partTypes = [
  'text image_url input_audio file refusal video_url',
  'input_text output_text input_image input_file summary_text reasoning_text',
  'image document search_result tool_result tool_use thinking redacted_thinking tool_reference',
  'server_tool_use web_search_tool_result mcp_tool_use mcp_tool_result container_upload compaction',
  'reasoning step-start dynamic-tool tool-get_weather tool- source-url data-x custom reasoning-file',
  'constructor __proto__',
  canary,
].flatMap((types) => types.split(' '))
const itemTypes = [
  'message reasoning function_call function_call_output custom_tool_call custom_tool_call_output',
  'tool_search_call tool_search_output local_shell_call local_shell_call_output web_search_call',
  'computer_call computer_call_output mcp_call additional_tools _call _output',
  canary,
].flatMap((types) => types.split(' '))
const states = ['input-streaming', 'input-available', 'output-available', 'output-error', 'output-denied', 'approval-requested']
const ids = fc.constantFrom<unknown>('call_1', 'call_2', 'call_2', '', null, 5, {})

/** Generates one of these values, or odd JSON. */
const or = (...values: readonly unknown[]) => fc.oneof({ arbitrary: fc.constantFrom(...values), weight: 3 }, oddJson)
/** Generates any selection of these fields. */
const some = (fields: Readonly<Record<string, fc.Arbitrary<unknown>>>) => fc.record(fields, { requiredKeys: [] })

const given = fc.oneof(jsonText, oddJson)
const called = some({ name: or('get_weather'), arguments: given, input: given })
const call = fc.oneof(some({ id: ids, type: or('function', 'custom'), function: called, custom: called }), oddJson)

const textFields = {
  text: or(canary),
  refusal: or('No.'),
  thinking: or('hm'),
  content: or(canary, [{ type: 'text', text: 'a' }], []),
}
const part = fc.oneof(
  { maxDepth: 2 },
  {
    arbitrary: some({
      type: or(...partTypes),
      ...textFields,
      image_url: or(...urls.map((url) => ({ url })), ...urls),
      url: or(...urls),
      mediaType: or('image/png', 'application/pdf'),
      source: or(...sources),
      file_id: or('file_1'),
      id: ids,
      tool_use_id: ids,
      tool_name: or('get_weather'),
      name: or('get_weather'),
      title: or('A title'),
      is_error: or(true),
      toolCallId: ids,
      toolName: or('get_weather'),
      state: or(...states),
      input: given,
      rawInput: given,
      output: oddJson,
      errorText: or('no'),
      approval: or({ approved: false, reason: 'no' }),
      signature: or(''),
    }),
    weight: 9,
  },
  oddJson,
)
const parts = fc.array(part, { maxLength: 5 })
/** Blocks within blocks, as in a tool's result. */
const nested = fc
  .tuple(parts, parts)
  .map(([outer, content]) => [...outer, { type: 'tool_result', tool_use_id: 'call_1', content }])
const content = fc.oneof(fc.string(), parts, nested, oddJson)

const messageFields = {
  content,
  parts: fc.oneof(parts, oddJson),
  name: or('get_weather'),
  tool_calls: fc.oneof(fc.array(call, { maxLength: 3 }), oddJson),
  function_call: called,
  tool_call_id: ids,
  reasoning: or('hm'),
  reasoning_content: or('hm'),
  refusal: or('No.'),
  audio: or({ id: 'audio_1' }),
}

/** A message with a role and any other fields. */
export const oddMessage: fc.Arbitrary<Json> = fc
  .tuple(fc.constantFrom(...roles), some(messageFields))
  .map(([role, fields]) => ({ ...fields, role }))

/** An item of Responses. It is never an `item_reference`, because no model writes one. */
export const oddItem: fc.Arbitrary<Json> = fc.oneof(
  oddMessage,
  some({
    ...messageFields,
    type: fc.oneof(or(...itemTypes), or(...partTypes)),
    call_id: ids,
    name: or('get_weather'),
    namespace: or('mcp__pets'),
    arguments: given,
    input: given,
    action: or({ type: 'exec', command: ['ls'] }),
    output: fc.oneof(content, oddJson),
    tools: or(
      [],
      [{ type: 'function', name: 'f' }],
      [{ type: 'namespace', name: 'n', tools: [{ type: 'function', name: 'f' }] }],
    ),
    summary: fc.oneof(parts, oddJson),
    encrypted_content: or('gAAAA', null),
    status: or('completed'),
    id: ids,
  }),
)
