import { createParser } from 'eventsource-parser'
import http from 'node:http'
import net from 'node:net'
import { StringDecoder } from 'node:string_decoder'

/** Where to send a request: a `Server`, or anything else with a URL. */
interface Target {
  readonly url: string
}

export interface ReaderRequest {
  readonly path: string
  /** Default: POST if there is a body, or else GET. */
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** An object is sent as JSON. Text and bytes are sent unchanged. */
  readonly body?: object | string | Uint8Array
  /**
   * If set, it receives the bytes of the body, and `text` stays empty. Some streams are too long to
   * keep in memory.
   */
  readonly take?: (bytes: Buffer) => void
}

export interface Head {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
}

/**
 * How a reader disconnects. `fin` closes both directions, and `reset` sends an RST. `half-close`
 * sends a FIN, but the socket can still receive.
 */
export type Leave = 'fin' | 'reset' | 'half-close'

/** One request on its own connection, and the answer so far. */
export interface Reader {
  /** Rejects if the connection ends before the head. */
  readonly head: Promise<Head>
  /** The body so far. Invalid UTF-8 becomes U+FFFD. */
  readonly text: string
  readonly byteCount: number
  /**
   * `broken` means that the connection ended before the head or the body was complete. The promise
   * never rejects.
   */
  readonly ended: Promise<'clean' | 'broken'>
  readonly isEnded: boolean
  /**
   * Resolves once `test` returns true for the text so far. Rejects with the end of the text
   * if the stream ends before that, or if `limitMs` pass before that.
   */
  until(test: (text: string) => boolean, limitMs?: number): Promise<void>
  /** Stops reading. Further bytes wait in the buffers of the kernel, and then at the sender. */
  pause(): void
  resume(): void
  leave(how?: Leave): void
}

/** An answer, and whether its reader has read it to its end. */
export interface Observed extends Head {
  readonly method: string
  readonly path: string
  /** Undefined if the reader has not kept the body. */
  readonly text: string | undefined
  readonly isWhole: boolean
}

const observers = new Set<(answer: Observed) => void>()

/** Calls `observe` with each answer that `read` has read. */
export function observeAnswers(observe: (answer: Observed) => void) {
  observers.add(observe)
}

/** Sends a request and reads its answer. */
export function read({ url }: Target, { path, body, headers = {}, take, ...options }: ReaderRequest): Reader {
  const bytes = toBytes(body)
  const head = Promise.withResolvers<Head>()
  const ended = Promise.withResolvers<'clean' | 'broken'>()
  // A test whose reader disconnects early may never await the head. So a rejection must not count
  // as unhandled.
  head.promise.catch(() => {})
  const decoder = new StringDecoder('utf8')
  const watchers = new Set<() => void>()
  let text = ''
  let byteCount = 0
  let isEnded = false
  let isPaused = false
  let response: http.IncomingMessage | undefined

  const method = options.method ?? (bytes ? 'POST' : 'GET')
  const { promise: connected, resolve: connect } = Promise.withResolvers<net.Socket>()
  const request = http.request(url + path, {
    method,
    // Browsers send this header too. It allows the server to keep the connection open, although
    // this client never uses it again.
    headers: { connection: 'keep-alive', ...(bytes && { 'content-length': bytes.byteLength }), ...headers },
    agent: false,
  })
  request.on('socket', connect)
  request.on('response', (message) => {
    response = message
    head.resolve({ status: message.statusCode ?? 0, headers: message.headers })
    message.on('data', (data: Buffer) => {
      byteCount += data.byteLength
      if (take) take(data)
      else text += decoder.write(data)
      for (const watch of watchers) watch()
    })
    // An error needs no handling here, because `complete` is false for a broken message.
    message.on('error', () => {})
    message.on('close', () => finish(message.complete ? 'clean' : 'broken'))
    if (isPaused) message.pause()
  })
  request.on('error', (error) => {
    head.reject(error)
    if (!response) finish('broken')
  })
  request.on('close', () => {
    if (!response) finish('broken')
  })
  request.end(bytes)

  function finish(how: 'clean' | 'broken') {
    if (isEnded) return
    isEnded = true
    text += decoder.end()
    head.reject(new Error('The connection ended before the head'))
    ended.resolve(how)
    if (response) {
      const { statusCode: status = 0, headers } = response
      const answer = { method, path, status, headers, text: take ? undefined : text, isWhole: how === 'clean' }
      for (const observe of observers) observe(answer)
    }
    for (const watch of watchers) watch()
  }

  return {
    head: head.promise,
    ended: ended.promise,
    get isEnded() {
      return isEnded
    },
    get text() {
      return text
    },
    get byteCount() {
      return byteCount
    },
    async until(test, limitMs = 5000) {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const fail = (why: string) => reject(new Error(`${why}, after ${byteCount} bytes: ${text.slice(-500)}`))
      const watch = () => {
        if (test(text)) resolve()
        else if (isEnded) fail('The stream ended before that')
      }
      const timer = setTimeout(() => fail(`Not within ${limitMs} ms`), limitMs)
      watchers.add(watch)
      watch()
      return promise.finally(() => {
        clearTimeout(timer)
        watchers.delete(watch)
      })
    },
    pause() {
      isPaused = true
      response?.pause()
    },
    resume() {
      isPaused = false
      response?.resume()
    },
    leave(how = 'fin') {
      void connected.then((socket) => {
        if (how === 'fin') request.destroy()
        else if (how === 'half-close') socket.end()
        else if (socket.connecting) socket.once('connect', () => socket.resetAndDestroy())
        else socket.resetAndDestroy()
      })
    },
  }
}

function toBytes(body: ReaderRequest['body']): Uint8Array | undefined {
  if (body === undefined || body instanceof Uint8Array) return body
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
}

/** A complete answer. */
export interface Answer extends Head {
  readonly text: string
  readonly ended: 'clean' | 'broken'
}

/** Reads to the end. Rejects if the connection ends before the head. */
export async function readAll(reader: Reader): Promise<Answer> {
  const head = await reader.head
  const ended = await reader.ended
  return { ...head, ended, text: reader.text }
}

/**
 * Reads an error that was sent before commit: its status, headers and envelope. The body must be
 * exactly the envelope.
 * @throws Error if the status is below 400
 */
export async function readFailure(reader: Reader): Promise<Failure & Omit<Answer, 'text'>> {
  const { text, ...answer } = await readAll(reader)
  if (answer.status < 400) throw new Error(`No failure, but ${answer.status}: ${text.slice(0, 500)}`)
  return { ...answer, ...(JSON.parse(text) as Failure) }
}

/** A bare connection, for bytes that no HTTP client would send. */
export interface RawReader {
  readonly socket: net.Socket
  /** All bytes that have come, including heads and chunk sizes. */
  readonly text: string
  /** Resolves when the other side has closed in any way. */
  readonly closed: Promise<void>
}

/** Opens a connection and sends these bytes unchanged. */
export function readRaw({ url }: Target, ...pieces: readonly (string | Uint8Array)[]): RawReader {
  const { hostname, port } = new URL(url)
  const socket = net.connect({ host: hostname, port: Number(port), noDelay: true })
  const closed = Promise.withResolvers<void>()
  let text = ''
  socket.on('data', (data) => (text += data.toString()))
  socket.on('error', () => {})
  socket.on('close', () => closed.resolve())
  for (const piece of pieces) socket.write(piece)
  return {
    socket,
    closed: closed.promise,
    get text() {
      return text
    },
  }
}

/**
 * Makes the bytes of a POST request with a JSON body. `headers` are complete header lines. The
 * default is the Content-Length of the body.
 */
export function toPost(path: string, body: string | Uint8Array, headers?: readonly string[]): Buffer {
  const lines = headers ?? [`Content-Length: ${Buffer.byteLength(body)}`]
  return Buffer.concat([
    Buffer.from([`POST ${path} HTTP/1.1`, 'Host: 127.0.0.1', ...lines, '', ''].join('\r\n')),
    Buffer.from(body as string),
  ])
}

/** Encodes a body as HTTP chunks of at most `size` bytes, including the empty last chunk. */
export function toChunked(body: string | Uint8Array, size = Infinity): Buffer {
  const bytes = Buffer.from(body as string)
  const chunks: Buffer[] = []
  for (let from = 0; from < bytes.length; from += size) {
    const piece = bytes.subarray(from, from + size)
    chunks.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'))
  }
  return Buffer.concat([...chunks, Buffer.from('0\r\n\r\n')])
}

export const framings = ['sse', 'ndjson', 'folded'] as const
/**
 * The three framings of a native answer (docs/protocol.md#2-native). `folded` is the answer to
 * `stream:false`: one JSON object.
 */
export type Framing = (typeof framings)[number]

/**
 * Requests a generation in a framing. `body` is a body of Ollama's API, or the name of a model.
 * With a name, a default prompt is sent.
 */
export function generate(
  server: Target,
  framing: Framing,
  body: string | Readonly<Record<string, unknown>>,
  { path = '/api/generate', headers = {}, ...rest }: Partial<ReaderRequest> = {},
): Reader {
  const question = path === '/api/chat' ? { messages: [{ role: 'user', content: 'Hi' }] } : { prompt: 'Hi' }
  const asked = typeof body === 'string' ? { model: body, ...question } : body
  return read(server, {
    path,
    body: { ...asked, ...(framing === 'folded' && { stream: false }) },
    headers: { accept: framing === 'ndjson' ? 'application/x-ndjson' : 'text/event-stream', ...headers },
    ...rest,
  })
}

export interface SseEvent {
  readonly event: string | undefined
  readonly data: string
}

/**
 * Parses SSE with a parser from another project.
 * @throws Error if the parser reports an error, or if the last event is incomplete
 */
export function toSseEvents(text: string): SseEvent[] {
  const events: SseEvent[] = []
  const parser = createParser({
    onEvent: ({ event, data }) => events.push({ event, data }),
    onError(error) {
      throw error
    },
  })
  parser.feed(text)
  const rest = text.slice(text.lastIndexOf('\n\n') + 1)
  if (/^[^:\n]/m.test(rest)) throw new Error(`Half an event at the end: ${rest}`)
  return events
}

/** One parsed line of an answer in Ollama's format, with the fields that the tests use. */
export interface Chunk {
  readonly [field: string]: unknown
  readonly response?: string
  readonly thinking?: string
  readonly message?: { readonly content?: string; readonly thinking?: string; readonly tool_calls?: readonly unknown[] }
  readonly logprobs?: readonly unknown[]
  readonly done?: boolean
}

export interface Failure {
  readonly error: string
  readonly code: string
  readonly request_id: string
  readonly issues?: readonly { readonly path: string; readonly message: string }[]
}

/** The content of a native answer: its chunks in order, and the failure that ended it, if any. */
export interface Told {
  readonly chunks: readonly Chunk[]
  /** The text of all chunks, joined. */
  readonly text: string
  readonly failed: Failure | undefined
}

/**
 * Parses the text of a native answer with a 2xx status.
 * @throws Error if the answer does not have exactly one terminal, at its end
 */
export function toTold(framing: Framing, text: string): Told {
  const said = toSaid(framing, text)
  const [last] = said.splice(-1)
  if (!last || !isTerminal(last)) throw new Error(`No terminal at the end: ${text.slice(-500)}`)
  if (said.some(isTerminal)) throw new Error(`A terminal before the end: ${text.slice(-500)}`)
  const failed = 'code' in last ? (last as unknown as Failure) : undefined
  const chunks = failed ? said : [...said, last]
  return { chunks, text: toText(chunks), failed }
}

/** Joins the text of chunks from `/api/generate` or `/api/chat`. */
export function toText(chunks: readonly Chunk[]): string {
  return chunks.map(({ response, message }) => response ?? message?.content ?? '').join('')
}

function isTerminal(chunk: Chunk): boolean {
  return chunk.done === true || 'code' in chunk
}

function toSaid(framing: Framing, text: string): Chunk[] {
  if (framing === 'folded') return [JSON.parse(text) as Chunk]
  if (framing === 'ndjson') {
    if (!text.endsWith('\n')) throw new Error(`Half a line at the end: ${text.slice(-500)}`)
    return text
      .slice(0, -1)
      .split('\n')
      .map((line) => JSON.parse(line) as Chunk)
  }
  if (!text.endsWith('\n\n')) throw new Error(`No event at the end: ${text.slice(-500)}`)
  return toSseEvents(text).map(({ event, data }) => {
    const chunk = JSON.parse(data) as Chunk
    if (event !== ('code' in chunk ? 'failed' : undefined)) throw new Error(`An event of the wrong name: ${event} ${data}`)
    return chunk
  })
}

/** Requests a resumable answer of `/api/generate`. */
export function askToResume(
  { server }: { readonly server: { readonly url: string } },
  model: string,
  { headers = {}, ...rest }: Partial<ReaderRequest> = {},
): Reader {
  return read(server, {
    path: '/api/generate',
    body: { model, prompt: 'Hi' },
    headers: { accept: 'text/event-stream', prefer: 'resume=30', ...headers },
    ...rest,
  })
}
