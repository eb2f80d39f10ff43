import { describe, expect, test } from 'vitest'
import { thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { surfaces, toEnding, type Surface } from '../../surfaces.ts'
import { generate, read, readAll, toTold } from '../reader.ts'
import { useStage, type RuntimeName, type ServerName } from '../server.ts'
import { describeBackpressure } from '../suite/backpressure.ts'
import { describeCancel } from '../suite/cancel.ts'
import { describeClients } from '../suite/clients.ts'
import { describeDeadlines } from '../suite/deadlines.ts'
import { describeFaults } from '../suite/faults.ts'
import { describeLeaving } from '../suite/leaving.ts'
import { describeLimits } from '../suite/limits.ts'
import { describeNative } from '../suite/native.ts'
import { describeOllamaClients } from '../suite/ollama-clients.ts'
import { describeOpenAIClients } from '../suite/openai-clients.ts'
import { isLacking } from './lacks.ts'

const toName = (runtime: RuntimeName): ServerName => `portable ${runtime}`

/**
 * Runs the tests of the black-box suite that depend on `open` and `connect`, with the portable
 * parts of an app. These tests cover how Sluice reads bytes from Ollama, how it sends them
 * to a reader, and how either side stops. The other tests (the meaning of a request, errors, keys,
 * assets, management) run only with the entry files in src/runtimes. lacks.ts lists what the
 * portable servers cannot do.
 */
export function describePortable(runtime: RuntimeName) {
  const name = toName(runtime)
  describe(name, () => {
    describeNative(name)
    describeSurfaces(name)
    describeText(name)
    describeClients(name)
    describeOllamaClients(name)
    describeOpenAIClients(name)
    describeLeaving(name)
    describeLimits(name)
    describeCancel(name)
  })
}

/**
 * The tests of the portable servers that have limits in milliseconds. No other test file may run at
 * the same time.
 */
export function describePortableTiming(runtime: RuntimeName) {
  const name = toName(runtime)
  describe(name, () => {
    describeFaults(name)
    describeDeadlines(name)
    describeBackpressure(name)
  })
}

function describeSurfaces(name: ServerName) {
  describe('every dialect', () => {
    const stage = useStage(name)

    const streaming = surfaces.filter((surface): surface is Surface & { streams: object } => surface.streams !== undefined)
    test.each(streaming)('$path: a stream is whole and ends with success', async (surface) => {
      const { path, body, streams } = surface
      const model = stage.upstream.script(tokens({ count: 50 }))
      const { status, headers, text, ended } = await readAll(read(stage.server, { path, body: { ...body, ...streams, model } }))
      expect(toEnding(surface, { status, contentType: headers['content-type'], text })).toBe('done')
      expect([ended, text.split(' token').length > 50]).toEqual(['clean', true])
    })
  })
}

function describeText(name: ServerName) {
  describe('bare text', () => {
    const stage = useStage(name, { SLUICE_IDLE_TIMEOUT_MS: '300' })

    test('Accept: text/plain is answered with SSE, in which a failure is visible', async () => {
      expect(isLacking(name, 'text')).toBe(true)
      const model = stage.upstream.script(thenSilent(1))
      const answer = await readAll(generate(stage.server, 'sse', model, { headers: { accept: 'text/plain' } }))
      expect(answer).toMatchObject({ status: 200, ended: 'clean', headers: { 'content-type': 'text/event-stream' } })
      expect(toTold('sse', answer.text)).toMatchObject({ text: ' token', failed: { code: 'idle_timeout' } })
    })
  })
}
