import Anthropic from '@anthropic-ai/sdk'
import { readdirSync, readFileSync } from 'node:fs'
import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { tokens } from '#fake-ollama/scripts.ts'
import { useStage, type RuntimeName } from '../server.ts'

const folder = new URL('../../fixtures/agents/', import.meta.url)
const said = ' token token token'

/** A recorded request of an agent, with its texts and ids replaced. `program` names the agent. */
interface AgentRequest {
  readonly program: string
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: { readonly model: string }
}

const requests = readdirSync(folder).map((file) => {
  const text = readFileSync(new URL(file, folder), 'utf8')
  // The body is sent as the recorded text. Parsing it would round large numbers in the schemas of
  // MCP tools.
  const body = text.slice(text.indexOf('"body":') + '"body":'.length, text.lastIndexOf('}'))
  return { name: file.replace('.json', ''), request: JSON.parse(text) as AgentRequest, body }
})
const toOpenAI = requests.filter(({ request }) => request.path === '/v1/responses')
const toAnthropic = requests.filter(({ request }) => request.path === '/v1/messages?beta=true')

/** Complete requests of Codex and Claude Code. None of them may be refused. */
export function describeAgents(runtime: RuntimeName) {
  describe('agents', () => {
    const stage = useStage(runtime)

    test('each recorded request is for one of the two routes', () => {
      expect(toOpenAI.length + toAnthropic.length).toBe(requests.length)
    })

    test.each(requests)('$name is answered to the end', async ({ request: { path, headers, body: asked }, body }) => {
      const model = stage.upstream.script(tokens({ count: 3 }), asked.model)
      const response = await fetch(`${stage.server.url}${path}`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body,
      })
      const text = await response.text()
      expect(response.status, text).toBe(200)
      const last = path === '/v1/responses' ? 'response.completed' : 'message_stop'
      expect(text.match(/^event: .*$/gm)?.at(-1)).toBe(`event: ${last}`)
      const { json } = stage.upstream.requestsFor(model).at(-1)!
      const { messages, tools } = json as { messages: { role: string }[]; tools: { type: string }[] }
      for (const { role } of messages) expect(['system', 'user', 'assistant', 'tool']).toContain(role)
      for (const { type } of tools) expect(type).toBe('function')
    })

    test.each(toOpenAI)('$name goes through the openai package', async ({ request: { headers, body } }) => {
      stage.upstream.script(tokens({ count: 3 }), body.model)
      const client = new OpenAI({ baseURL: `${stage.server.url}/v1`, apiKey: 'any', maxRetries: 0 })
      const asked = body as OpenAI.Responses.ResponseCreateParamsStreaming
      let text = ''
      for await (const event of await client.responses.create(asked, { headers }))
        if (event.type === 'response.output_text.delta') text += event.delta
      expect(text).toBe(said)
    })

    test.each(toAnthropic)('$name goes through @anthropic-ai/sdk', async ({ request: { headers, body } }) => {
      stage.upstream.script(tokens({ count: 3 }), body.model)
      const client = new Anthropic({ baseURL: stage.server.url, authToken: 'any', maxRetries: 0 })
      const asked = body as Anthropic.Beta.MessageCreateParamsStreaming
      let text = ''
      for await (const event of await client.beta.messages.create(asked, { headers }))
        if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') text += event.delta.text
      expect(text).toBe(said)
    })
  })
}
