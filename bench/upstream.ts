import type { Socket } from 'node:net'
import { toRunning, toShow, toTag } from '#fake-ollama/emulator/catalog.ts'
import type { Exchange } from '#fake-ollama/exchange.ts'
import { pace } from '#fake-ollama/pacer.ts'
import { answer, json } from '#fake-ollama/scripts.ts'
import { startUpstream } from '#fake-ollama/upstream.ts'
import { serveCalls } from '../tests/lab/serve-calls.ts'
import { nowMs } from './clock.ts'
import { createRegistry } from './upstream/registry.ts'
import { linesOf, type Lines } from './upstream/lines.ts'
import { MODEL, parseQuestion, type Mode, type Question } from './upstream/question.ts'

const upstream = await startUpstream({ port: Number(process.argv[2]) })
const registry = createRegistry()

/**
 * Writes one block per turn of the event loop, and only after the previous block has been sent. So
 * endless streams share the process fairly.
 */
function flood(socket: Socket, bytes: Buffer): void {
  if (!socket.destroyed) socket.write(bytes, () => setImmediate(flood, socket, bytes))
}

/**
 * The function that writes the body of the response, for each mode. The tokens are already complete
 * HTTP chunks, so they are written unchanged.
 */
const answers: Record<Mode, (exchange: Exchange, lines: Lines, question: Question) => void | Promise<void>> = {
  async paced(exchange, { token, ending }, { seed, tokens }) {
    exchange.raw(token)
    // Each stream sends a token every 20 ms. The second token waits for 10 to 30 ms, so that the
    // streams do not all send at the same moment. Multiples of the golden ratio, modulo 1, are
    // spread evenly over 0–1.
    const afterMs = 20 * (0.5 + ((seed * 0.618_034) % 1))
    await pace(exchange, { count: tokens - 1, perSecond: 50, afterMs }, () => exchange.raw(token))
    exchange.raw(ending)
    exchange.end()
  },
  burst(exchange, { token, ending }, { tokens }) {
    exchange.raw(Buffer.concat([...Array.from({ length: tokens }, () => token), ending]))
    exchange.end()
  },
  flat: (exchange, { block }) => flood(exchange.socket, block),
  idle: (exchange, { token }) => exchange.raw(token),
  silent() {},
}

for (const [path, lines] of Object.entries(linesOf))
  upstream.on(`POST ${path}`, (exchange) => {
    upstream.forget()
    const question = parseQuestion(exchange.request.body)
    if (!question) return answer(400, {}, 'Cannot answer: the prompt is not one of the bench')(exchange)
    registry.add(question.seed, { exchange, lines })
    if (question.mode !== 'silent') exchange.head(200, { 'content-type': lines.contentType })
    return answers[question.mode](exchange, lines, question)
  })

// Gateways also request these lists. With these answers they accept the upstream as an Ollama
// server.
const model = { name: MODEL, capabilities: ['completion'], modifiedAt: '2026-11-20T09:30:00Z' }
upstream.on('GET /api/tags', json({ models: [toTag(model)] }))
upstream.on('GET /api/ps', json({ models: [toRunning(model, '2036-11-20T09:30:00Z')] }))
upstream.on('POST /api/show', json(toShow(model)))
upstream.on('GET /v1/models', json({ object: 'list', data: [{ id: MODEL, object: 'model', created: 0, owned_by: 'library' }] }))

/** The calls that the bench may make to this process. */
const calls = {
  port: () => upstream.port,
  waitOpen: registry.waitOpen,
  waitClosed: registry.waitClosed,
  /**
   * Sends one more token on each open stream of these seeds. Returns the time just before the first
   * one is sent.
   */
  sendTokens(first: number, count: number): number {
    const startMs = nowMs()
    for (const { exchange, lines } of registry.openOf(first, count)) exchange.raw(lines.token)
    return startMs
  },
}
export type UpstreamCalls = typeof calls
serveCalls(calls)
