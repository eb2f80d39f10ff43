import { connect } from 'node:net'
import { nowMs } from '../clock.ts'
import { MARK } from '../upstream/lines.ts'
import { MODEL, toPrompt, type Question } from '../upstream/question.ts'
import { toBody } from './ask.ts'
import type { Target } from './target.ts'

export interface Request extends Question {
  readonly target: Target
}

/** One reader: a socket that counts the tokens that arrive on it. */
export interface Connection {
  readonly seed: number
  readonly events: number
  /**
   * Milliseconds from the start of connecting to the first token. It is undefined until the first
   * token.
   */
  readonly firstMs: number | undefined
  /** The time of the last token, by the machine's clock. It is 0 before the first token. */
  readonly lastMs: number
  /**
   * How the response ended: with the last HTTP chunk or without it. It is undefined while the
   * response runs.
   */
  readonly ended: 'clean' | 'broken' | undefined
  /** The beginning of a response that is not a 200. */
  readonly refusal: string | undefined
  resume(): void
  /** Destroys the socket and returns the time. */
  leave(): number
}

/** The API key. Gateways with OpenAI's API require one. */
export const KEY = 'bench'

const MARK_BYTE = MARK.charCodeAt(0)
/** All sockets share this buffer, because each piece is processed before the next one arrives. */
const buffer = Buffer.allocUnsafe(65_536)
const LAST_CHUNK = '0\r\n\r\n'

function toBytes({ target: { host, port, path, dialect, accept, headers = [] }, ...question }: Request): string {
  const body = toBody(dialect, MODEL, toPrompt(question))
  const authority = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  return (
    `POST ${path} HTTP/1.1\r\nHost: ${authority}\r\nAccept: ${accept}\r\nAuthorization: Bearer ${KEY}\r\n` +
    headers.map((line) => `${line}\r\n`).join('') +
    `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  )
}

/**
 * Requests one generation.
 * @param options `onGap` gets the milliseconds between two pieces with tokens. With `headOnly`,
 * nothing is read after the first piece.
 */
export function openConnection(
  request: Request,
  { headOnly, onGap }: { headOnly: boolean; onGap: (ms: number) => void },
): Connection {
  const startMs = nowMs()
  let events = 0
  let firstMs: number | undefined
  let lastMs = 0
  let tail = ''
  let refusal: string | undefined
  let ended: Connection['ended']
  let isPaused = false

  const count = (bytes: Buffer): void => {
    if (tail === '' && bytes.toString('latin1', 9, 12) !== '200') refusal = bytes.toString('latin1', 0, 1000)
    tail = (tail + bytes.toString('latin1', Math.max(0, bytes.length - LAST_CHUNK.length))).slice(-LAST_CHUNK.length)
    const before = events
    for (let index = bytes.indexOf(MARK_BYTE); index !== -1; index = bytes.indexOf(MARK_BYTE, index + 1)) events++
    if (events === before) return
    const now = nowMs()
    if (firstMs === undefined) firstMs = now - startMs
    else onGap(now - lastMs)
    lastMs = now
  }

  const socket = connect({
    port: request.target.port,
    host: request.target.host,
    noDelay: true,
    onread: {
      buffer,
      callback(length) {
        count(buffer.subarray(0, length))
        isPaused ||= headOnly
        return !isPaused
      },
    },
  })
  socket.on('error', () => {})
  socket.on('close', () => (ended = tail === LAST_CHUNK ? 'clean' : 'broken'))
  // A keep-alive connection stays open after a finished response, so it is destroyed here.
  socket.on('end', () => socket.destroy())
  socket.write(toBytes(request))

  return {
    seed: request.seed,
    get events() {
      return events
    },
    get firstMs() {
      return firstMs
    },
    get lastMs() {
      return lastMs
    },
    get ended() {
      return ended ?? (tail === LAST_CHUNK ? 'clean' : undefined)
    },
    get refusal() {
      return refusal
    },
    resume() {
      headOnly = false
      isPaused = false
      socket.resume()
    },
    leave() {
      const atMs = nowMs()
      socket.destroy()
      return atMs
    },
  }
}
