import { describe, expect, test } from 'vitest'
import { useStage } from '../runtimes/server.ts'
import { codex } from './agents.ts'
import { callTools, type Call, type Message } from './call-tools.ts'
import { useAgent } from './use-agent.ts'

/** A model that Codex knows. Codex offers more kinds of tools to such a model. */
const known = 'gpt-5.5'
const closeAgent: Call = { name: 'multi_agent_v1__close_agent', arguments: { target: 'nobody' } }
const patch = '*** Begin Patch\n*** Add File: note.txt\n+One line\n*** End Patch'

describe('Codex runs', () => {
  const stage = useStage('node')
  const ask = useAgent(codex)

  const seen = (model: string) => {
    const { messages } = stage.upstream.requestsFor(model).at(-1)!.json as { messages: readonly Message[] }
    return messages.filter(({ role }) => role === 'tool').map(({ content }) => content)
  }

  test('a function of a namespace', async () => {
    const model = stage.upstream.script(callTools(closeAgent))
    const { status, all } = await ask(stage, model)
    expect(status, all).toBe(0)
    expect(seen(model)).toEqual([expect.stringContaining('invalid agent id nobody')])
  })

  test('a custom tool, which takes one text as its input', async () => {
    stage.upstream.script(callTools({ name: 'apply_patch', arguments: { input: patch } }), known)
    const { status, out, all } = await ask(stage, known, { more: '--sandbox workspace-write && cat note.txt' })
    expect(status, all).toBe(0)
    expect(out).toContain('One line')
    expect(seen(known)).toEqual([expect.stringContaining('A note.txt')])
  })

  test('its search for tools, and then a tool that it has found', async () => {
    stage.upstream.script(callTools({ name: 'tool_search', arguments: { query: 'close agent' } }, closeAgent), known)
    const { status, all } = await ask(stage, known)
    expect(status, all).toBe(0)
    expect(seen(known)).toEqual([expect.stringContaining('multi_agent_v1'), expect.stringContaining('invalid agent id nobody')])
  })
})
