import * as v from 'valibot'
import { parse, refuse, whenGiven, type Refusals } from '../issues.ts'
import { anyObject, base64, boolean, common, integer, number, object, string, textOr } from '../to-ollama.ts'

const text = v.object({ type: v.literal('text'), text: v.string() })
const thinking = v.object({ type: v.literal('thinking'), thinking: v.string() })
const redactedThinking = v.object({ type: v.literal('redacted_thinking') })
const toolUse = v.object({ type: v.literal('tool_use'), id: v.string(), name: v.string(), input: anyObject })

const image = v.object({
  type: v.literal('image'),
  source: v.variant(
    'type',
    [
      v.object({
        type: v.literal('base64'),
        media_type: v.pipe(v.string(), v.regex(/^image\/[\w.+-]+$/, 'Expected the type of an image')),
        data: base64,
      }),
      v.object({ type: v.picklist(['url', 'file']) }),
    ],
    'Expected "base64"',
  ),
})

/** Blocks that only Anthropic's servers write or only its models read. */
const refused = v.object({
  type: v.picklist([
    'document',
    'search_result',
    'container_upload',
    'browser_state',
    'compaction',
    'tool_reference',
    'server_tool_use',
    'web_search_tool_result',
    'web_fetch_tool_result',
    'code_execution_tool_result',
    'bash_code_execution_tool_result',
    'text_editor_code_execution_tool_result',
    'tool_search_tool_result',
    'mcp_tool_use',
    'mcp_tool_result',
  ]),
})

const content = <const TBlock extends v.GenericSchema>(block: TBlock) =>
  textOr(v.array(block, 'Expected a text or a list of blocks'))

const toolResult = v.object({
  type: v.literal('tool_result'),
  tool_use_id: v.string(),
  content: v.nullish(content(v.variant('type', [text, image, refused], 'Expected "text" or "image"'))),
  is_error: boolean,
})

const userBlock = v.variant('type', [text, image, toolResult, refused], 'Expected "text", "image" or "tool_result"')
const assistantBlock = v.variant(
  'type',
  [text, thinking, redactedThinking, toolUse, refused],
  'Expected "text", "thinking", "redacted_thinking" or "tool_use"',
)

const message = v.variant(
  'role',
  [
    v.object({ role: v.literal('user'), content: content(userBlock) }),
    v.object({ role: v.literal('assistant'), content: content(assistantBlock) }),
    v.object({ role: v.literal('system'), content: content(text) }),
  ],
  'Expected "user", "assistant" or "system"',
)

const customTool = v.object({ name: v.string(), description: string, input_schema: anyObject })
/** A tool that Anthropic's servers or models know by its type, such as `web_search_20250305`. */
const knownTool = v.object({ type: v.string() })
const isKnownTool = (input: unknown) => {
  const { type } = (input ?? {}) as { type?: unknown }
  return typeof type === 'string' && type !== 'custom'
}

const outputFormat = v.nullish(v.object({ type: v.literal('json_schema'), schema: anyObject }))

const messagesRequest = v.object({
  model: common.model,
  max_tokens: v.pipe(v.number(), v.integer('Expected an integer'), v.minValue(1, 'Expected at least 1')),
  system: v.nullish(content(text)),
  messages: v.pipe(v.array(message), v.minLength(1, 'Expected a message')),
  stream: boolean,
  temperature: number,
  top_p: number,
  top_k: integer,
  stop_sequences: v.nullish(v.array(v.string())),
  thinking: v.nullish(
    v.object({
      type: v.picklist(['enabled', 'disabled', 'adaptive', 'between_tools'], 'Expected "enabled", "disabled" or "adaptive"'),
    }),
  ),
  tools: v.nullish(v.array(v.lazy((input) => (isKnownTool(input) ? knownTool : customTool)))),
  tool_choice: v.nullish(
    v.object({
      type: v.picklist(['auto', 'none', 'any', 'tool'], 'Expected "auto" or "none"'),
      disable_parallel_tool_use: boolean,
    }),
  ),
  output_config: v.nullish(
    object({
      effort: v.nullish(
        v.picklist(['low', 'medium', 'high', 'xhigh', 'max'], 'Expected "low", "medium", "high", "xhigh" or "max"'),
      ),
      format: outputFormat,
    }),
  ),
  /** The name that `output_config.format` had in its beta. */
  output_format: outputFormat,
})

export type MessagesRequest = v.InferOutput<typeof messagesRequest>
type Message = MessagesRequest['messages'][number]
/** The content of a message of a role: a text, or blocks. */
export type Content<TRole extends Message['role']> = Extract<Message, { role: TRole }>['content']
export type Block = Exclude<Message['content'], string>[number]

const nothingLikeIt = { when: whenGiven, because: 'Ollama has nothing like it' }
const refusals: Refusals = {
  container: nothingLikeIt,
  context_management: nothingLikeIt,
  inference_geo: nothingLikeIt,
  mcp_servers: nothingLikeIt,
}

/**
 * `POST /v1/messages`, as far as Ollama can honour it. call.ts refuses the tools and blocks that it cannot honour. Unknown
 * fields are dropped.
 * @throws ServiceError `invalid_request`, `not_supported`
 */
export function parseMessagesRequest(body: Readonly<Record<string, unknown>>): MessagesRequest {
  const request = parse(messagesRequest, body)
  refuse(body, refusals)
  return request
}
