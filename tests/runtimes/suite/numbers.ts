import { describe, expect, test } from 'vitest'
import { answer, lines } from '#fake-ollama/scripts.ts'
import { read, readAll } from '../reader.ts'
import { useStage, type RuntimeName } from '../server.ts'
import { toEach } from './tables.ts'

/** JSON whose numbers JavaScript would write differently. */
const odd = '{"id":1234567890123456789,"f":1.0,"e":1E5,"z":-0,"deep":[0.10,{"big":-9007199254740993,"huge":1e400}]}'
/** The same JSON, encoded as a JSON string. */
const quoted = JSON.stringify(odd)

const callLine = `{"model":"m","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"get","arguments":${odd}}}]},"logprobs":[{"token":"a","logprob":-1.50,"bytes":[97]}],"done":false}`
const doneLine =
  '{"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":11.0,"eval_count":1.8e1,"total_duration":1234567890123456789,"future":1.0}'

const hi = { role: 'user', content: 'Hi' }
const page = { messages: [{ role: 'user', parts: [{ type: 'text', text: 'Hi' }] }] }

/** Sluice must pass on every number exactly as it was written (docs/protocol.md#2-native). */
export function describeNumbers(runtime: RuntimeName) {
  const each = toEach(runtime)
  describe('numbers', () => {
    const stage = useStage(runtime)
    const ask = async (path: string, body: object | string, headers = {}) => {
      const { status, text } = await readAll(read(stage.server, { path, body, headers }))
      expect({ status, text }).toMatchObject({ status: 200 })
      return text
    }

    describe('of an answer arrive with the digits that Ollama wrote', () => {
      each<[path: string, body: object, ...expected: string[]]>([
        ['/v1/chat/completions', { messages: [hi], stream: true }, `"arguments":${quoted}`, '"logprob":-1.50,"bytes":[97]'],
        ['/v1/chat/completions', { messages: [hi] }, `"arguments":${quoted}`, '"logprob":-1.50', '"total_tokens":29'],
        ['/v1/responses', { input: 'Hi', stream: true }, `"delta":${quoted}`, `"arguments":${quoted}`, '"total_tokens":29'],
        ['/v1/responses', { input: 'Hi' }, `"arguments":${quoted}`, '"total_tokens":29'],
        ['/v1/messages', { messages: [hi], max_tokens: 9, stream: true }, `"partial_json":${quoted}`, '"output_tokens":18'],
        ['/v1/messages', { messages: [hi], max_tokens: 9 }, `"input":${odd}`, '"input_tokens":11,"output_tokens":18'],
        ['/api/ui/chat', page, `"input":${odd}`, '"totalTokens":29', '"totalMs":1234567890123'],
        ['/api/chat', { messages: [hi], stream: false }, `"arguments":${odd}`, '"logprob":-1.50', '"eval_count":1.8e1'],
        ['/ollama/api/chat', { messages: [hi], stream: false }, `"arguments":${odd}`, '"future":1.0'],
      ])('at %s %j', async (path, body, ...expected) => {
        const model = stage.upstream.script(lines([callLine, doneLine]))
        const text = await ask(path, { ...body, model })
        for (const part of expected) expect(text).toContain(part)
      })

      test('in the last line of an answer in one piece', async () => {
        const said = ['{"response":"a","done":false}', '{"response":"","done":true,"context":[1.0,2],"future":{"a":1E5}}']
        const model = stage.upstream.script(lines(said))
        for (const path of ['/api/generate', '/ollama/api/generate'])
          expect(await ask(path, { model, prompt: 'Hi', stream: false })).toBe(
            '{"response":"a","done":true,"context":[1.0,2],"future":{"a":1E5}}',
          )
      })

      test('in a message that is only in a line before the last', async () => {
        const model = stage.upstream.script(lines(['{"message":{"content":"a","future":1.0},"done":false}', '{"done":true}']))
        expect(await ask('/api/chat', { model, messages: [hi], stream: false })).toContain('"future":1.0')
      })

      test('in the figures of a plain answer, and in a line with a raw CR', async () => {
        const said = ['{"response":"a",\r"future":1.0,"done":false}', '{"done":true,"total_duration":1234567890123456789}']
        const model = stage.upstream.script(lines(said))
        expect(await ask('/chat', { model, text: 'Hi' })).toContain('"total_duration":1234567890123456789')
        expect(await ask('/api/generate', { model, prompt: 'Hi' })).toContain('"future":1.0')
      })

      test('in an embedding', async () => {
        const type = { 'content-type': 'application/json' }
        const said = '{"model":"m","embeddings":[[0.10,-0,1e-9,0.5]],"prompt_eval_count":2.0}'
        const model = stage.upstream.script(answer(200, type, said))
        expect(await ask('/api/embed', { model, input: 'Hi' })).toBe(said)
        const text = await ask('/v1/embeddings', { model, input: 'Hi' })
        expect(text).toContain('"embedding":[0.10,-0,1e-9,0.5]')
        expect(text).toContain('"prompt_tokens":2')
        const packed = JSON.parse(await ask('/v1/embeddings', { model, input: 'Hi', encoding_format: 'base64' })) as {
          data: [{ embedding: string }]
        }
        const floats = new Float32Array(new Uint8Array(Buffer.from(packed.data[0].embedding, 'base64')).buffer)
        expect([...floats]).toEqual([0.1, -0, 1e-9, 0.5].map(Math.fround))
      })
    })

    describe('of a request reach Ollama with the digits that were sent', () => {
      const schema = `{"type":"object","properties":{"n":{"type":"integer","maximum":9223372036854775807,"minimum":-1.0}}}`
      const chatTool = `[{"type":"function","function":{"name":"pay","parameters":${schema}}}]`
      const toolPart = `{"type":"tool-get","toolCallId":"c","state":"output-available","input":${odd},"output":{"a":1.0}}`

      each<[path: string, body: string, ...expected: string[]]>([
        [
          '/v1/chat/completions',
          `{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"get","arguments":${quoted}}}]}],"tools":${chatTool},"temperature":1.0,"seed":1234567890123456789}`,
          `"arguments":${odd}`,
          `"parameters":${schema}`,
          '"temperature":1.0,"seed":1234567890123456789',
        ],
        [
          '/v1/chat/completions',
          `{"messages":[{"role":"user","content":"Hi"}],"response_format":{"type":"json_schema","json_schema":{"schema":${schema}}},"keep_alive":60.0}`,
          `"format":${schema}`,
          '"keep_alive":60.0',
        ],
        [
          '/v1/responses',
          `{"input":[{"type":"function_call","call_id":"c","name":"get","arguments":${quoted}}],"tools":[{"type":"function","name":"pay","parameters":${schema}}],"top_p":0.90}`,
          `"arguments":${odd}`,
          `"parameters":${schema}`,
          '"top_p":0.90',
        ],
        [
          '/v1/messages',
          `{"max_tokens":9,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use","id":"c","name":"get","input":${odd}}]}],"tools":[{"name":"pay","input_schema":${schema}}],"temperature":1.0}`,
          `"arguments":${odd}`,
          `"parameters":${schema}`,
          '"temperature":1.0',
        ],
        [
          '/api/ui/chat',
          `{"messages":[{"role":"user","parts":[{"type":"text","text":"Hi"}]},{"role":"assistant","parts":[${toolPart}]}],"tools":${chatTool},"options":{"temperature":1.0}}`,
          `"arguments":${odd}`,
          `"content":"{\\"a\\":1.0}"`,
          `"parameters":${schema}`,
          '"temperature":1.0',
        ],
        ['/chat', '{"text":"Hi","options":{"temperature":1.0,"future":-0.0}}', '"temperature":1.0,"future":-0.0'],
        [
          '/api/generate',
          `{"prompt":"Hi","options":{"seed":9007199254740993},"future":${odd}}`,
          odd,
          '"seed":9007199254740993',
        ],
        [
          '/ollama/api/chat',
          `{"messages":[{"role":"assistant","content":"","tool_calls":[{"function":{"name":"get","arguments":${odd}}}]}],"tools":${chatTool},"options":{"temperature":1e400}}`,
          `"arguments":${odd}`,
          `"tools":${chatTool}`,
          '"temperature":1e400',
        ],
        ['/api/embed', `{"input":"Hi","options":{"temperature":1.0},"future":${odd}}`, odd, '"temperature":1.0'],
      ])('at %s (%#)', async (path, body, ...expected) => {
        const said = path === '/api/embed' ? '{"embeddings":[]}' : doneLine
        const model = stage.upstream.script(lines([said]))
        await ask(path, `{"model":"${model}",${body.slice(1)}`)
        const sent = stage.upstream.requestsFor(model).at(-1)!.body
        for (const part of expected) expect(sent).toContain(part)
      })

      test('but an integer of another API is rewritten so that Ollama can read it', async () => {
        const model = stage.upstream.script(lines([doneLine]))
        await ask(
          '/v1/chat/completions',
          `{"model":"${model}","messages":[{"role":"user","content":"Hi"}],"logprobs":true,"top_logprobs":5.0,"max_tokens":1e2}`,
        )
        const sent = stage.upstream.requestsFor(model).at(-1)!.body
        expect(sent).toContain('"top_logprobs":5,')
        expect(sent).toContain('"num_predict":100}')
      })
    })

    each([
      ['/v1/chat/completions', 'seed', '"seed":1e400,"messages":[{"role":"user","content":"Hi"}]'],
      ['/v1/chat/completions', 'max_tokens', '"max_tokens":1.50,"messages":[{"role":"user","content":"Hi"}]'],
      ['/v1/chat/completions', 'top_logprobs', '"top_logprobs":20.5,"messages":[{"role":"user","content":"Hi"}]'],
      ['/v1/responses', 'max_output_tokens', '"max_output_tokens":1e400,"input":"Hi"'],
      ['/v1/messages', 'max_tokens', '"max_tokens":1e400,"messages":[{"role":"user","content":"Hi"}]'],
    ])('%s does not pass on a %s that is no integer', async (path, field, fields) => {
      const model = stage.upstream.script(lines([doneLine]))
      const body = `{"model":"${model}",${fields}}`
      const { status, headers } = await readAll(read(stage.server, { path, body }))
      expect({ status, ignored: headers['x-sluice-ignored'] }).toEqual({ status: 200, ignored: field })
    })

    test('an n of 1.0 is one answer', async () => {
      const model = stage.upstream.script(lines([doneLine]))
      const body = `{"model":"${model}","n":1.0,"messages":[{"role":"user","content":"Hi"}]}`
      const { status, headers } = await readAll(read(stage.server, { path: '/v1/chat/completions', body }))
      expect(status).toBe(200)
      expect(headers).not.toHaveProperty('x-sluice-ignored')
    })

    each([
      ['/v1/chat/completions', '"n":2.0,"messages":[{"role":"user","content":"Hi"}]'],
      ['/v1/completions', '"prompt":1.0'],
    ])('%s refuses a number that it does not support: {%s}', async (path, fields) => {
      const { status } = await readAll(read(stage.server, { path, body: `{"model":"m",${fields}}` }))
      expect(status).toBe(400)
    })
  })
}
