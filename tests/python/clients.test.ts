import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadRecording, toLines } from '#fake-ollama/recording.ts'
import { toDeltaLine, toDoneLine } from '#fake-ollama/ollama-lines.ts'
import { replay, silent, thenSilent, tokens, tokensThen } from '#fake-ollama/scripts.ts'
import { toText, type Chunk } from '../runtimes/reader.ts'
import { startLink } from '../runtimes/link.ts'
import { useStage } from '../runtimes/server.ts'
import { twoTokensThen } from '../runtimes/deaths.ts'
import { ask, joined, testChatting, type Exceptions } from './chatting.ts'
import { startProgram, type Call, type Program } from './program.ts'

const recorded = (name: string) => toLines(loadRecording(name)).map((line) => JSON.parse(line) as unknown)
const textOf = (name: string) => toText(recorded(name) as Chunk[])
const models = ['thinky:latest', 'tooly:latest', 'gemma3:270m', 'smollm2:135m']
const { embeddings } = recorded('embed')[0] as { embeddings: number[][] }

/** Sends two tokens, and the third one after the test has called `pass`. */
const inTwoParts = tokensThen([' 0', ' 1'], (exchange) => {
  exchange.chunk(`${toDeltaLine(exchange.request, ' 2')}\n`)
  exchange.chunk(`${toDoneLine(exchange.request, 3)}\n`)
  exchange.end()
})

const ofOllama: Exceptions = { notFound: 'ResponseError', busy: 'ResponseError', died: 'ResponseError' }

describe.each(['node', 'bun', 'worker'] as const)('%s', (runtime) => {
  const stage = useStage(runtime)

  /**
   * Starts a Python program for the tests of a `describe`. Returns a function that calls the
   * program's functions.
   */
  function useProgram(file: string): Call {
    let program: Program
    beforeAll(() => {
      program = startProgram(file, stage.server.url)
    })
    afterAll(() => program.stop())
    return (...args) => program.call(...args)
  }

  describe('ollama', () => {
    const call = useProgram('ollama_client.py')
    testChatting(stage, call, ofOllama)

    test('generates', async () => {
      const model = stage.upstream.script(replay('generate-chinese'))
      expect(await ask(call, 'generate', model)).toEqual([textOf('generate-chinese')])
      expect(joined(await ask(call, 'stream_generate', model))).toBe(textOf('generate-chinese'))
    })

    test('embeds', async () => {
      expect(await ask(call, 'embed', 'smollm2:135m')).toEqual([embeddings])
    })

    test('lists and shows models', async () => {
      const [{ capabilities }] = recorded('show') as [{ capabilities: string[] }]
      expect(await ask(call, 'catalog', 'smollm2:135m')).toEqual([[models, models.slice(2), capabilities]])
    })
  })

  describe('langchain-ollama', () => {
    const call = useProgram('langchain_ollama_client.py')
    testChatting(stage, call, ofOllama)

    test('embeds', async () => {
      expect(await ask(call, 'embed', 'smollm2:135m')).toEqual([embeddings])
    })
  })

  describe('openai', () => {
    const call = useProgram('openai_client.py')
    testChatting(stage, call, { notFound: 'NotFoundError', busy: 'InternalServerError', died: 'APIError' })

    test('counts tokens', async () => {
      expect(await ask(call, 'usage', stage.upstream.script(tokens({ count: 7 })))).toEqual([[9, 7]])
    })

    test('embeds', async () => {
      // The client requests base64, which contains 32-bit floats.
      expect(await ask(call, 'embed', 'smollm2:135m')).toEqual([embeddings.map((vector) => vector.map(Math.fround))])
    })

    test('lists models', async () => {
      expect(await ask(call, 'catalog', 'gemma3:270m')).toEqual([[models, 'gemma3:270m']])
    })

    describe('responses', () => {
      const toDeltas = (events: readonly unknown[]) =>
        (events as [type: string, delta: string | null][]).map(([, delta]) => delta)

      test('are given in one piece and as a stream', async () => {
        const model = stage.upstream.script(tokens({ count: 3 }))
        expect(await ask(call, 'respond', model)).toEqual([' token token token'])
        const got = await ask(call, 'stream_response', model)
        expect(toDeltas(got).filter(Boolean)).toEqual([' token', ' token', ' token'])
        expect(got.at(-1)).toEqual(['response.completed', null])
      })

      test('stop the upstream when the client disconnects in the middle', async () => {
        const model = stage.upstream.script(tokens({ count: 5000, perSecond: 50 }))
        expect(await ask(call, 'leave_response', model)).toEqual([' token'])
        const { exchange } = await stage.upstream.next(model)
        await exchange.closedByReader
      })

      test('raise when the upstream dies in the middle', async () => {
        const model = stage.upstream.script(twoTokensThen(({ reset }) => reset()))
        const { got, raised } = await call('stream_response', model, async (said) => {
          if (joined(toDeltas(said)) === 'One two') (await stage.upstream.next(model)).exchange.pass()
        })
        expect(joined(toDeltas(got))).toBe('One two')
        expect(raised).toMatchObject({ type: 'APIError', message: expect.stringMatching(/broke/) })
      })
    })
  })

  describe('openai, background responses', () => {
    const call = useProgram('openai_client.py')

    test('are polled', async () => {
      const model = stage.upstream.script(inTwoParts)
      const { got, raised } = await call('poll_response', model, async (said) => {
        if (said.at(-1) === 'in_progress') (await stage.upstream.next(model)).exchange.pass()
      })
      expect(raised).toBeUndefined()
      expect(got[0]).toBe('queued')
      expect(got.at(-1)).toEqual(['completed', ' 0 1 2'])
    })

    test('go on where the connection broke', async () => {
      const link = await startLink(stage.server.port)
      const program = startProgram('openai_client.py', link.url)
      const model = stage.upstream.script(inTwoParts)
      const { got, raised } = await program.call('resume_response', model, async (said) => {
        const last = said.at(-1)
        if (Array.isArray(last) && last[1] === ' 1') link.cut()
        if (last === 'broken') (await stage.upstream.next(model)).exchange.pass()
      })
      await program.stop()
      link.stop()
      expect(raised).toBeUndefined()
      const events = got.filter((value) => Array.isArray(value)) as [number: number, delta: string | null][]
      expect(got).toContain('broken')
      expect(events.map(([number]) => number)).toEqual(events.map((_, index) => index))
      expect(joined(events.map(([, delta]) => delta))).toBe(' 0 1 2')
      expect(got.at(-1)).toBe('completed')
      expect(stage.upstream.requestsFor(model)).toHaveLength(1)
    })

    test('are cancelled and deleted', async () => {
      const model = stage.upstream.script(thenSilent(1))
      const { got, raised } = await call('cancel_response', model)
      expect(got).toEqual([['cancelled', 'cancelled']])
      expect(raised).toMatchObject({ type: 'NotFoundError', status: 404 })
      await (
        await stage.upstream.next(model)
      ).exchange.closedByReader
    })

    test('raise when one more would go on than may', async () => {
      const { got, raised } = await call('start_too_many_responses', stage.upstream.script(silent()))
      expect(got).toEqual([1, 2, 3, 4])
      expect(raised).toMatchObject({ type: 'RateLimitError', status: 429 })
    })
  })

  describe('anthropic', () => {
    const call = useProgram('anthropic_client.py')
    testChatting(stage, call, { notFound: 'NotFoundError', busy: 'ServiceUnavailableError', died: 'APIStatusError' })

    test('counts tokens', async () => {
      expect(await ask(call, 'usage', stage.upstream.script(tokens({ count: 7 })))).toEqual([['end_turn', 9, 7]])
    })
  })
})
