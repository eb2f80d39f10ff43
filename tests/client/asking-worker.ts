import { streamChat, type ChatOptions } from '#client'

interface Env {
  readonly URL: string
  /** Two models: one that answers, and one that stops after its first token. */
  readonly ANSWERS: string
  readonly STALLS: string
}

/**
 * A Worker that calls Sluice through the client, disconnects in each possible way, and reports the
 * results.
 */
export default {
  async fetch(_request: Request, { URL: url, ANSWERS, STALLS }: Env): Promise<Response> {
    const ask = (model: string, options: Partial<ChatOptions> = {}) =>
      streamChat({ url: `${url}/api/chat`, body: { model, messages: [] }, ...options })
    const tell = (answer: Promise<unknown>) => answer.catch((error: Error & { code?: string }) => `${error.name} ${error.code}`)

    const left = ask(STALLS)
    for await (const event of left) if (event.type === 'delta') break

    const waiting = ask(STALLS)
    for (let type; type !== 'delta';) type = (await waiting.next()).value?.type
    const next = waiting.next()
    await waiting.return()

    const stopped = ask(STALLS, { resume: true })
    for (let type; type !== 'delta';) type = (await stopped.next()).value?.type
    await stopped.stop()

    return Response.json([
      await tell(ask(ANSWERS).text()),
      await next,
      await tell(ask(ANSWERS, { resume: true }).text()),
      await tell(stopped.text()),
      await tell(ask(STALLS, { idleTimeoutMs: 400 }).text()),
      await tell(ask(STALLS, { url: `${url}/nowhere` }).text()),
    ])
  },
}
