import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { tokens } from '#fake-ollama/scripts.ts'
import { deaths } from '../runtimes/deaths.ts'
import { countRequests, useStage } from '../runtimes/server.ts'
import { agents } from './agents.ts'
import { callTools, type Message } from './call-tools.ts'
import { dies } from './dies.ts'
import { useAgent } from './use-agent.ts'

const secret = 'sluice-secret'
const hash = createHash('sha256').update(secret).digest('hex')

describe.each(agents)('$name, as docs/clients.md says', (agent) => {
  const ask = useAgent(agent)

  describe('without keys', () => {
    const stage = useStage('node')

    test('prints the answer', async () => {
      const { status, out, all } = await ask(stage, stage.upstream.script(tokens({ count: 3 })))
      expect(out, all).toContain('token token token')
      expect(status).toBe(0)
    })

    test('runs the tool that the model calls, and sends the result to the model', async () => {
      const model = stage.upstream.script(callTools(agent.call))
      const { status, out, all } = await ask(stage, model, { more: agent.tooled })
      expect(out, all).toContain('The tool has answered')
      expect(status).toBe(0)
      const { messages } = stage.upstream.requestsFor(model).at(-1)!.json as { messages: readonly Message[] }
      expect(messages.slice(-2)).toMatchObject([
        {
          role: 'assistant',
          tool_calls: [{ function: agent.call }],
          ...(agent.tellsThinking && { thinking: 'I ask the tool.' }),
        },
        { role: 'tool', content: expect.stringMatching(agent.result) },
      ])
    })

    test('reports that the model does not exist', async () => {
      const { status, all } = await ask(stage, 'nobody')
      expect(all).toMatch(/model 'nobody' not found|nobody.*may not exist/)
      expect(status).not.toBe(0)
    })
  })

  describe('with keys', () => {
    const stage = useStage('node', { SLUICE_API_KEYS: `me:${hash}` })

    test('sends its own key, and fails with a wrong key', async () => {
      const model = stage.upstream.script(tokens({ count: 3 }))
      const good = await ask(stage, model, { key: secret })
      expect(good.out, good.all).toContain('token token token')
      expect(good.status).toBe(0)
      const asked = await countRequests(stage, async () => {
        const bad = await ask(stage, model, { key: 'wrong' })
        expect(bad.all).toMatch(agent.locked)
        expect(bad.status).not.toBe(0)
      })
      expect(asked).toBe(0)
    })
  })

  // The tests run side by side, because Codex and opencode try six times before they report the
  // error. For opencode this takes more than a minute.
  describe.concurrent('when the upstream', { timeout: 120_000 }, () => {
    const stage = useStage('node')

    test.each(deaths)('%s in the middle, reports the reason', async (_how, _code, end) => {
      const { status, all } = await ask(stage, stage.upstream.script(dies(end)))
      expect(all).toMatch(/broke in the middle|without finishing|the runner died/)
      expect(status, all).toBe(1)
    })
  })
})
