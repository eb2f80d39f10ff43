import { serveCalls } from '../../lab/serve-calls.ts'
import { generate, toTold, type Reader } from '../../runtimes/reader.ts'

const atOnce = 100
const readers: Reader[] = []

async function toEnd(reader: Reader): Promise<string> {
  if ((await reader.ended) === 'broken') return 'broken'
  const { text, failed } = toTold('sse', reader.text)
  return failed?.code ?? `done after${text}`
}

/**
 * The readers run in a separate process, because each reader needs a socket, and a process can open
 * only 20,000 sockets.
 */
const calls = {
  /** Opens `count` streams, 100 at a time. Rejects if a stream sends no token within a minute. */
  async open(url: string, model: string, count: number): Promise<void> {
    const openOneByOne = async () => {
      while (readers.length < count) {
        const reader = generate({ url }, 'sse', model)
        readers.push(reader)
        await reader.until((text) => text.includes('token'), 60_000)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, openOneByOne))
  },
  /** Counts the ends by kind, once all streams have ended. */
  async ends(): Promise<Record<string, number>> {
    const ends: Record<string, number> = {}
    for (const end of await Promise.all(readers.map(toEnd))) ends[end] = (ends[end] ?? 0) + 1
    return ends
  },
}
export type ReaderCalls = typeof calls
serveCalls(calls)
