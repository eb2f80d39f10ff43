import { DefaultChatTransport } from 'ai'
import OpenAI from 'openai'
import type { ResponseStreamEvent } from 'openai/resources/responses/responses'
import { describe, expect, onTestFinished, test } from 'vitest'
import { toDeltaLine, toDoneLine } from '#fake-ollama/ollama-lines.ts'
import { tokens, tokensThen } from '#fake-ollama/scripts.ts'
import { startBreakingProxy } from '../../breaking-proxy.ts'
import { MemoryChat } from '../../runtimes/memory-chat.ts'
import { registerPairs, useStage, type Stage } from '../../runtimes/server.ts'
import { loadPrograms, runOnNode, runSnippet } from '../../snippets.ts'
import { startPair } from '../../redis/pair.ts'
import { checkRedisInstalled } from '../../redis/redis-server.ts'
import { checkInstalled, startNginxOfPair } from '../proxy.ts'
import { startTap } from '../tap.ts'
import { serversOf, startProxiedPair, type ProxiedPair } from './pair.ts'

checkInstalled()
checkRedisInstalled()
registerPairs((name, env) => startProxiedPair({ startPair, startNginxOfPair, startTap }, name, env))

const pieces = Array.from({ length: 300 }, (_, index) => ` ${index}`)
const inTwoParts = tokensThen(pieces.slice(0, 2), (exchange) => {
  for (const piece of pieces.slice(2)) exchange.chunk(`${toDeltaLine(exchange.request, piece)}\n`)
  exchange.chunk(`${toDoneLine(exchange.request, pieces.length)}\n`)
  exchange.end()
})

describe.each(['pair of node', 'pair of bun'] as const)('%s, behind the nginx of docs/scale.md', (name) => {
  const stage = useStage(name, { SLUICE_MODEL: 'm' }) as Stage & { readonly server: ProxiedPair }

  test.each(loadPrograms('docs/resume.md'))('$name goes on at the other server, twice', async (snippet) => {
    const asked = stage.upstream.requestsFor('m').length
    const sent = stage.server.sent.length
    stage.upstream.script(tokens({ count: pieces.length, perSecond: 200, text: (index) => pieces[index]! }), 'm')
    // fetch-event-source loses a frame that is cut between its last two bytes (docs/hazards.md#95).
    const isBetweenFrames = snippet.code.includes('fetchEventSource')
    const proxy = await startBreakingProxy(stage.server.port, { isBetweenFrames })
    onTestFinished(proxy.close)
    const { status, out, all } = await runSnippet(snippet, runOnNode, proxy.url)
    expect(out.replaceAll('\n', ''), all).toBe(pieces.join(''))
    expect([proxy.cuts, status]).toEqual([2, 0])
    expect(stage.upstream.requestsFor('m')).toHaveLength(asked + 1)
    const [producer, ...readers] = serversOf(stage.server, /./, sent)
    expect(readers.slice(0, 2)).toEqual([1 - producer!, producer])
  })

  test('OpenAI’s SDK goes on with a background response at the other server, cancels another one there', async () => {
    const { responses } = new OpenAI({ baseURL: `${stage.server.url}/v1`, apiKey: 'none', maxRetries: 0 })
    const model = stage.upstream.script(inTwoParts)
    const events: ResponseStreamEvent[] = []
    const textOf = (all: readonly ResponseStreamEvent[]) =>
      all.map((event) => (event.type === 'response.output_text.delta' ? event.delta : '')).join('')
    for await (const event of await responses.create({ model, input: 'Hi', background: true, stream: true })) {
      events.push(event)
      if (textOf(events) === ' 0 1') break // which closes the connection
    }
    const { response } = events[0] as Extract<ResponseStreamEvent, { type: 'response.created' }>
    const rest = await responses.retrieve(response.id, { stream: true, starting_after: events.at(-1)!.sequence_number })
    ;(await stage.upstream.next(model)).exchange.pass()
    for await (const event of rest) events.push(event)
    expect(events.map(({ sequence_number: number }) => number)).toEqual(events.map((_, index) => index))
    expect(textOf(events)).toBe(pieces.join(''))
    expect(events.at(-1)).toMatchObject({ type: 'response.completed', response: { id: response.id } })
    expect(stage.upstream.requestsFor(model)).toHaveLength(1)
    expect(serversOf(stage.server, /^GET \/v1\/responses\//)).toEqual([
      1 - serversOf(stage.server, /^POST \/v1\/responses$/).at(-1)!,
    ])

    const other = stage.upstream.script(inTwoParts)
    const { id } = await responses.create({ model: other, input: 'Hi', background: true })
    const { exchange } = await stage.upstream.next(other)
    expect((await responses.cancel(id)).status).toBe('cancelled')
    await exchange.closedByReader
    const [producer, canceller] = serversOf(stage.server, /^POST \/v1\/responses/).slice(-2)
    expect(canceller).toBe(1 - producer!)
  })

  test('the chat of the AI SDK goes on at the other server, and is stopped there', async () => {
    const api = `${stage.server.url}/api/ui/chat`
    const load = (id: string, model: string) =>
      new MemoryChat({ id, transport: new DefaultChatTransport({ api, headers: { prefer: 'resume' }, body: { model } }) })
    async function leave(id: string, model: string) {
      const chat = load(id, model)
      const sent = chat.sendMessage({ text: 'Hi' })
      await expect.poll(() => chat.text).toBe(' 0 1')
      await chat.stop() // which closes the connection, as a reload does
      await sent
      return (await stage.upstream.next(model)).exchange
    }
    const expectOther = (request: RegExp) =>
      expect(serversOf(stage.server, request).at(-1)).toBe(1 - serversOf(stage.server, /^POST \/api\/ui\/chat$/).at(-1)!)

    const model = stage.upstream.script(inTwoParts)
    const exchange = await leave('first', model)
    const second = load('first', model)
    const resumed = second.resumeStream()
    await expect.poll(() => second.text).toBe(' 0 1')
    expectOther(/^GET .*\/first\/stream$/)
    exchange.pass()
    await resumed
    expect([second.text, second.status]).toEqual([pieces.join(''), 'ready'])
    expect(stage.upstream.requestsFor(model)).toHaveLength(1)

    const unread = await leave('second', stage.upstream.script(inTwoParts))
    const producer = serversOf(stage.server, /^POST \/api\/ui\/chat$/).at(-1)
    expect((await fetch(`${api}/second/stop`, { method: 'POST' })).status).toBe(204)
    await unread.closedByReader
    expect(serversOf(stage.server, /\/second\/stop$/)).toEqual([1 - producer!])
  })
})
