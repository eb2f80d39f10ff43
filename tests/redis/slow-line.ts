import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { startFakeServer } from './fake-server.ts'

/** A line between Sluice and Redis that a test can make slow, or cut without a word. */
export interface SlowLine {
  /** `redis://127.0.0.1:PORT` */
  readonly url: string
  /** How many connections were made. */
  readonly connections: number
  /** How many pieces of bytes arrived from Sluice. */
  readonly pieces: number
  /** How long each answer of Redis is under way, in milliseconds. */
  delayMs: number
  /** Lets nothing through on the connections that there are. New connections work. */
  blackHole(): void
  close(): Promise<void>
}

export async function startSlowLine(port: number): Promise<SlowLine> {
  let holes = 0
  const line = { delayMs: 0, connections: 0, pieces: 0 }
  const server = await startFakeServer((socket) => {
    const number = ++line.connections
    const redis = connect({ host: '127.0.0.1', port })
    redis.on('error', () => socket.destroy())
    socket.on('close', () => redis.destroy())
    redis.on('close', () => socket.destroy())
    socket.on('data', (data) => {
      line.pieces++
      if (number > holes) redis.write(data)
    })
    let last = Promise.resolve()
    redis.on('data', (data) => {
      const late = pause(line.delayMs)
      last = last
        .then(() => late)
        .then(() => {
          if (number > holes) socket.write(data)
        })
    })
  })
  return Object.assign(line, {
    url: `redis://127.0.0.1:${server.port}`,
    blackHole: () => void (holes = line.connections),
    close: server.close,
  })
}
