import { describe, expect, test } from 'vitest'
import { lines, tokens } from '#fake-ollama/scripts.ts'
import { surfaces, toEnding } from '../../surfaces.ts'
import { read, readAll } from '../reader.ts'
import { useStage, type RuntimeName } from '../server.ts'
import { toEach } from './tables.ts'

type Json = Readonly<Record<string, unknown>>

/**
 * A request that failed with another server, according to a public bug report, and the result that
 * Sluice must produce.
 */
interface Row {
  readonly report: string
  readonly sends: string
  readonly path: string
  /** The body, without `model`. */
  readonly body: Json
  /** The body that Ollama must get, without the model and `stream`. */
  readonly asked: Json
  /** The expected value of the header `x-sluice-ignored`. */
  readonly ignored?: string
}

const chat = '/v1/chat/completions'
const responses = '/v1/responses'
const messages = '/v1/messages'
const uiChat = '/api/ui/chat'

const hi = { role: 'user', content: 'hi' }
const options = {}
const parameters = { type: 'object', properties: {} }
const offered = (...names: readonly string[]) => names.map((name) => ({ type: 'function', function: { name, parameters } }))
const input = (description: string) => ({
  description,
  parameters: { type: 'object', properties: { input: { type: 'string' } }, required: ['input'] },
})

/** The fields that Codex always sends for a model that it does not know. */
const codex = {
  stream: true,
  store: false,
  tool_choice: 'auto',
  parallel_tool_calls: true,
  reasoning: { summary: 'auto' },
  include: ['reasoning.encrypted_content'],
  prompt_cache_key: 'k',
  client_metadata: { session: 'k' },
}
const exec = { type: 'function', name: 'exec_command', strict: false, parameters }
const patch = {
  type: 'custom',
  name: 'apply_patch',
  description: 'Edits files',
  format: { type: 'grammar', syntax: 'lark', definition: 'start: "x"' },
}
const pets = { type: 'namespace', name: 'mcp__pets', tools: [{ type: 'function', name: 'find_pet', parameters }] }
const command = { command: ['ls'] }

/**
 * Makes a request of Codex: the items of an earlier turn, and a new question. `asked` are the
 * messages that Ollama must get for the items.
 */
const codexTurn = (items: readonly object[], asked: readonly object[], ignored?: string) => ({
  path: responses,
  body: { ...codex, input: [...items, hi] },
  asked: { messages: [...asked, hi], options },
  ...(ignored !== undefined && { ignored }),
})
const codexRequest = (more: Json, asked: Json, ignored?: string) => ({
  path: responses,
  body: { ...codex, input: 'hi', ...more },
  asked: { messages: [hi], options, ...asked },
  ...(ignored !== undefined && { ignored }),
})

const codexReport = 'CommandCodeAI/command-code#885'
const ofCodex: readonly Row[] = [
  {
    report: codexReport,
    sends: 'calls one at a time, and a search by the server',
    ...codexRequest(
      { parallel_tool_calls: false, tools: [exec, { type: 'web_search', external_web_access: false }] },
      { tools: offered('exec_command') },
      'parallel_tool_calls, tools.1',
    ),
  },
  {
    report: codexReport,
    sends: 'a custom tool',
    ...codexRequest(
      { tools: [patch] },
      {
        tools: [
          {
            type: 'function',
            function: {
              name: 'apply_patch',
              ...input('Edits files\n\nThe input follows this grammar (lark):\nstart: "x"'),
            },
          },
        ],
      },
      'tools.0.format',
    ),
  },
  {
    report: 'ggml-org/llama.cpp#20156',
    sends: 'an MCP server’s tools',
    ...codexRequest({ tools: [exec, pets] }, { tools: offered('exec_command', 'mcp__pets__find_pet') }),
  },
  {
    report: 'mxyhi/token_proxy#307',
    sends: 'short words',
    ...codexRequest({ text: { verbosity: 'low' } }, {}, 'text.verbosity'),
  },
  {
    report: codexReport,
    sends: 'more tools in the middle',
    path: responses,
    body: { ...codex, input: [{ type: 'additional_tools', tools: [exec] }, hi] },
    asked: { messages: [hi], tools: offered('exec_command'), options },
  },
  {
    report: codexReport,
    sends: 'a custom tool’s call and its output',
    ...codexTurn(
      [
        { type: 'custom_tool_call', call_id: 'c1', name: 'apply_patch', input: '*** Begin Patch' },
        { type: 'custom_tool_call_output', call_id: 'c1', output: 'Done' },
      ],
      [
        {
          role: 'assistant',
          content: '',
          tool_calls: [{ id: 'c1', function: { name: 'apply_patch', arguments: { input: '*** Begin Patch' } } }],
        },
        { role: 'tool', content: 'Done', tool_name: 'apply_patch', tool_call_id: 'c1' },
      ],
    ),
  },
  {
    report: codexReport,
    sends: 'a shell’s call and its output',
    ...codexTurn(
      [
        { type: 'local_shell_call', call_id: 'c1', action: command },
        { type: 'function_call_output', call_id: 'c1', output: 'a.txt' },
      ],
      [
        {
          role: 'assistant',
          content: '',
          tool_calls: [{ id: 'c1', function: { name: 'local_shell', arguments: command } }],
        },
        { role: 'tool', content: 'a.txt', tool_name: 'local_shell', tool_call_id: 'c1' },
      ],
    ),
  },
  {
    report: codexReport,
    sends: 'a search that a server made',
    ...codexTurn([{ type: 'web_search_call', id: 'w', action: { type: 'search', query: 'q' } }], [], 'input.0'),
  },
]

const claude = (more: Json, asked: Json, ignored?: string) => ({
  path: messages,
  body: { max_tokens: 9, messages: [hi], ...more },
  asked: { messages: [hi], options: { num_predict: 9 }, ...asked },
  ...(ignored !== undefined && { ignored }),
})
const claudeReport = 'anthropics/claude-code#21612'
const clearThinking = { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] }
const use = { type: 'tool_use', id: 'c1', name: 'search', input: {} }
const used = { role: 'assistant', content: '', tool_calls: [{ id: 'c1', function: { name: 'search', arguments: {} } }] }

/**
 * Makes a request of Claude Code with the result of a tool. `text` is what Ollama must get for the
 * result.
 */
const claudeResult = (content: readonly object[], text: string, ignored?: string) =>
  claude(
    {
      messages: [
        hi,
        { role: 'assistant', content: [use] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c1', content }] },
      ],
    },
    { messages: [hi, used, { role: 'tool', content: text, tool_name: 'search', tool_call_id: 'c1' }] },
    ignored,
  )
const base64 = (media_type: string) => ({ type: 'base64', media_type, data: 'AAAA' })

const ofClaudeCode: readonly Row[] = [
  {
    report: claudeReport,
    sends: 'all thinking to be kept',
    ...claude({ context_management: clearThinking }, {}, 'context_management'),
  },
  { report: claudeReport, sends: 'no servers of tools', ...claude({ mcp_servers: [], tools: [], system: '' }, {}) },
  {
    report: 'caigee-cmd/cli2api#152',
    sends: 'the name of a tool that a search found',
    ...claudeResult([{ type: 'tool_reference', tool_name: 'TaskStop' }], 'Tool: TaskStop'),
  },
  {
    report: 'router-for-me/CLIProxyAPI#4765',
    sends: 'a PDF in a tool’s result',
    ...claudeResult(
      [
        { type: 'text', text: 'read' },
        { type: 'document', source: base64('application/pdf') },
      ],
      'read\n\n[document left out]',
      'messages.2.content.0.content.1',
    ),
  },
  {
    report: 'caigee-cmd/cli2api#152',
    sends: 'a document of text',
    ...claude(
      {
        messages: [
          { role: 'user', content: [{ type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'a' } }] },
        ],
      },
      { messages: [{ role: 'user', content: 'a' }] },
    ),
  },
  {
    report: 'ollama/ollama#15287',
    sends: 'nothing about thinking, and the model decides',
    ...claude({}, {}),
  },
]

/**
 * For each dialect, makes a request with a tool call in its history. `given` are the arguments of
 * the call, which a weak model may have written badly.
 */
const dialectsOfCalls: readonly { readonly path: string; toBody(given: unknown): Json; readonly more: Json }[] = [
  {
    path: chat,
    more: { options },
    toBody: (given) => ({
      messages: [
        hi,
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'c1', type: 'function', function: { name: 'now', arguments: given } }],
        },
        { role: 'tool', tool_call_id: 'c1', content: '12:00' },
      ],
    }),
  },
  {
    path: responses,
    more: { options },
    toBody: (given) => ({
      input: [
        hi,
        { type: 'function_call', call_id: 'c1', name: 'now', arguments: given },
        { type: 'function_call_output', call_id: 'c1', output: '12:00' },
      ],
    }),
  },
  {
    path: messages,
    more: { options: { num_predict: 9 } },
    toBody: (given) => ({
      max_tokens: 9,
      messages: [
        hi,
        { role: 'assistant', content: [{ type: 'tool_use', id: 'c1', name: 'now', input: given }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c1', content: '12:00' }] },
      ],
    }),
  },
  {
    path: uiChat,
    more: {},
    toBody: (given) => ({
      messages: [
        { id: '1', role: 'user', parts: [{ type: 'text', text: 'hi' }] },
        {
          id: '2',
          role: 'assistant',
          parts: [{ type: 'tool-now', toolCallId: 'c1', state: 'output-error', input: given, errorText: '12:00' }],
        },
      ],
    }),
  },
]

const badArguments: readonly (readonly [report: string, name: string, given: unknown, read: object])[] = [
  ['local-inference-lab/vllm#684', 'empty', '', {}],
  ['agno-agi/agno#8971', 'absent', undefined, {}],
  ['mckaywrigley/chatbot-ui#2035', 'null', null, {}],
  ['MoonshotAI/kimi-cli#1764', 'cut', '{"a": 1', { _raw: '{"a": 1' }],
  ['vercel/ai#13667', 'a list', '[1]', { _raw: '[1]' }],
]

const ofWeakModels: readonly Row[] = badArguments.flatMap(([report, name, given, args]) =>
  dialectsOfCalls.map(({ path, toBody, more }) => ({
    report,
    sends: `arguments that are ${name}`,
    path,
    body: toBody(given),
    asked: {
      messages: [
        hi,
        { role: 'assistant', content: '', tool_calls: [{ id: 'c1', function: { name: 'now', arguments: args } }] },
        { role: 'tool', content: '12:00', tool_name: 'now', tool_call_id: 'c1' },
      ],
      ...more,
    },
  })),
)

/**
 * Requests with a token limit of -1 or 0. Programs for LM Studio send these values for "no limit".
 */
const ofNoLimit: readonly Row[] = [-1, 0]
  .flatMap((limit) => [
    { path: chat, body: { messages: [hi], max_tokens: limit }, asked: { messages: [hi], options } },
    { path: '/v1/completions', body: { prompt: 'hi', max_tokens: limit }, asked: { prompt: 'hi', options } },
    { path: responses, body: { input: 'hi', max_output_tokens: limit }, asked: { messages: [hi], options } },
    { path: messages, body: { messages: [hi], max_tokens: limit }, asked: { messages: [hi], options } },
  ])
  .map((row) => ({ report: 'lmstudio-ai/lmstudio-bug-tracker#1079', sends: 'a limit that is none', ...row }))

const rows: readonly Row[] = [...ofCodex, ...ofClaudeCode, ...ofWeakModels, ...ofNoLimit]

/** Requests from public bug reports, each with its correct result. */
export function describeReports(runtime: RuntimeName) {
  const each = toEach(runtime)
  describe('reports', () => {
    const stage = useStage(runtime)

    each(rows)('$report at $path: $sends', async ({ path, body, asked, ignored }) => {
      const model = stage.upstream.script(tokens({ count: 1 }))
      const answer = await readAll(read(stage.server, { path, body: { ...body, model } }))
      const surface = surfaces.find((one) => one.path === path)!
      expect(toEnding(surface, { ...answer, contentType: answer.headers['content-type'] }), answer.text).toBe('done')
      expect(answer.headers['x-sluice-ignored']).toBe(ignored)
      expect(stage.upstream.requestsFor(model).map(({ json }) => json)).toEqual([{ model, stream: true, ...asked }])
    })

    test.each([
      {
        name: 'a custom tool’s',
        tools: [patch],
        called: { name: 'apply_patch', arguments: { input: '*** Begin Patch' } },
        item: { type: 'custom_tool_call', name: 'apply_patch', input: '*** Begin Patch' },
      },
      {
        name: 'an MCP server’s',
        tools: [pets],
        called: { name: 'mcp__pets__find_pet', arguments: { id: 1 } },
        item: { type: 'function_call', name: 'find_pet', namespace: 'mcp__pets', arguments: '{"id":1}' },
      },
    ])(`${codexReport}: the call of $name tool comes back in that tool’s shape`, async ({ tools, called, item }) => {
      const said = { message: { role: 'assistant', content: '', tool_calls: [{ function: called }] }, done: true }
      for (const stream of [true, false]) {
        const model = stage.upstream.script(lines([JSON.stringify({ model: 'x', ...said })]))
        const { text } = await readAll(
          read(stage.server, { path: responses, body: { ...codex, input: 'hi', tools, model, stream } }),
        )
        const json = stream ? text.slice(text.lastIndexOf('\ndata: ') + '\ndata: '.length) : text
        const { response, output } = JSON.parse(json) as { response?: { output: unknown }; output?: unknown }
        expect(response?.output ?? output).toEqual([expect.objectContaining(item)])
      }
    })
  })
}
