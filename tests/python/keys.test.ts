import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { tokens } from '#fake-ollama/scripts.ts'
import { countRequests, useStage } from '../runtimes/server.ts'
import { startProgram, type Outcome } from './program.ts'

const secret = 'sluice-secret'

const clients: readonly (readonly [file: string, exception: string])[] = [
  ['ollama_client.py', 'ResponseError'],
  ['langchain_ollama_client.py', 'ResponseError'],
  ['openai_client.py', 'AuthenticationError'],
  ['anthropic_client.py', 'AuthenticationError'],
]

describe.each(['node', 'bun', 'worker'] as const)('%s, with keys', (runtime) => {
  const stage = useStage(runtime, { SLUICE_API_KEYS: `me:${createHash('sha256').update(secret).digest('hex')}` })

  test.each(clients)('%s sends its own key, and raises for a wrong key', async (file, exception) => {
    const model = stage.upstream.script(tokens({ count: 2 }))
    const chat = async (key: string): Promise<Outcome> => {
      const program = startProgram(file, stage.server.url, key)
      try {
        return await program.call('chat', model)
      } finally {
        await program.stop()
      }
    }
    expect(await chat(secret)).toEqual({ got: [' token token'], raised: undefined })
    const asked = await countRequests(stage, async () => {
      const { got, raised } = await chat('wrong')
      expect(got).toEqual([])
      expect(raised).toMatchObject({ type: exception, status: 401, message: expect.stringContaining('not known') })
    })
    expect(asked).toBe(0)
  })
})
