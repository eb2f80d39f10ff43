import { describe, expect, test } from 'vitest'
import { toDeltaLine, toDoneLine } from '#fake-ollama/ollama-lines.ts'
import { delayed, ndjson, pause, tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Script } from '#fake-ollama/upstream.ts'
import { framings, generate, readAll, toTold } from '../runtimes/reader.ts'
import { isLacking } from '../runtimes/portable/lacks.ts'
import { startServer, type ServerName } from '../runtimes/server.ts'

/**
 * This silence is longer than the limits of Node's fetch (300 s) and of Bun's (363 s). A cold load
 * may take this long.
 */
const silenceMs = 380_000

const silentBetween: Script = async (exchange) => {
  exchange.head(200, ndjson)
  exchange.chunk(`${toDeltaLine(exchange.request, ' token')}\n`)
  await pause(exchange, silenceMs)
  exchange.chunk(`${toDoneLine(exchange.request, 1)}\n`)
  exchange.end()
}

const silences = [
  { name: 'before its headers', script: delayed(silenceMs, tokens({ count: 1 })) },
  { name: 'between two lines', script: silentBetween },
]

const names = [
  'node',
  'bun',
  'deno',
  'worker',
  'portable node',
  'portable bun',
  'portable worker',
] as const satisfies ServerName[]

describe.concurrent.each(names)('%s', (name) => {
  const fate = isLacking(name, 'silence') ? 'has failed' : 'is not cut (hazard 15)'

  test.each(silences)(`an upstream that is silent for 380 s $name ${fate}`, async ({ script }) => {
    const upstream = await startUpstream()
    const server = await startServer(name, { OLLAMA_HOST: upstream.url, SLUICE_IDLE_TIMEOUT_MS: '600000' })
    try {
      await Promise.all(
        framings.map(async (framing) => {
          const { status, text } = await readAll(generate(server, framing, upstream.script(script)))
          if (isLacking(name, 'silence')) return expect(text).toMatch(/"code":"upstream_(?:unreachable|failed)"/)
          const { failed, text: said } = toTold(framing, text)
          expect([status, failed, said], framing).toEqual([200, undefined, ' token'])
        }),
      )
    } finally {
      await server.stop()
      await upstream.close()
    }
  })
})
