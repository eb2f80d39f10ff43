import type { Exchange } from './exchange.ts'

interface Stream {
  readonly exchange: Exchange
  readonly count: number
  readonly intervalMs: number
  readonly send: (index: number) => void
  readonly stop: () => void
  index: number
  dueMs: number
}

const streams = new Set<Stream>()
let timer: NodeJS.Timeout | undefined

/**
 * Calls `send` `count` times at a steady rate, the first time after `afterMs`. The promise resolves
 * after the last call. If the exchange ends early, the promise resolves when the next call is due.
 * One timer serves all streams, because a hundred timers would load the machine more.
 */
export function pace(
  exchange: Exchange,
  options: { count: number; perSecond: number; afterMs?: number },
  send: (index: number) => void,
): Promise<void> {
  const { count, perSecond, afterMs = 0 } = options
  return new Promise((stop) => {
    const dueMs = performance.now() + afterMs
    const stream = { exchange, count, intervalMs: 1000 / perSecond, send, stop, index: 0, dueMs }
    streams.add(stream)
    serve(stream, performance.now())
    timer ??= setInterval(tick, 1)
  })
}

function serve(stream: Stream, nowMs: number): void {
  // A late stream catches up token by token, so that the rate holds on a busy machine.
  while (stream.dueMs <= nowMs) {
    if (stream.exchange.isOpen && stream.index < stream.count) stream.send(stream.index++)
    stream.dueMs += stream.intervalMs
    if (stream.exchange.isOpen && stream.index < stream.count) continue
    streams.delete(stream)
    return stream.stop()
  }
}

function tick(): void {
  const nowMs = performance.now()
  for (const stream of streams) serve(stream, nowMs)
  if (streams.size > 0) return
  clearInterval(timer)
  timer = undefined
}
