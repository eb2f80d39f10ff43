import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { dialOnNode } from '../../../src/runtimes/node/dial.ts'
import { createTurns } from '../../../src/runtimes/turns.ts'
import type { UpstreamRequest } from '../../../src/upstreams/connect.ts'
import { readAll } from '../../../src/upstreams/read-all.ts'
import { viaSockets } from '../../../src/upstreams/sockets/via-sockets.ts'
import { createRandom, type Random } from '../../random.ts'

const { signal } = new AbortController()
const create = () => viaSockets({ dial: dialOnNode, defer: createTurns() })

const closings: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closings.splice(0)) await close()
})

/** Starts a server of bare TCP. `answer` gets each request: its head and its body, if any. */
async function serve(answer: (request: string, socket: Socket) => void): Promise<{ url: string; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    let text = ''
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1')
      for (;;) {
        const [head, length = '0'] = /^.*?content-length: (\d+).*?\r\n\r\n|^.*?\r\n\r\n/s.exec(text) ?? []
        if (head === undefined || text.length < head.length + Number(length)) return
        const request = text.slice(0, head.length + Number(length))
        text = text.slice(request.length)
        answer(request, socket)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closings.push(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets }
}

/** A connection can be used again after a few turns of the loop. */
async function untilIdle() {
  for (let turns = 0; turns < 5; turns++) await new Promise(setImmediate)
}

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'
const toGet = (url: string): UpstreamRequest => ({ method: 'GET', url: `${url}/api/tags`, headers: {} })
const toPost = (url: string, body = '{}'): UpstreamRequest => ({ method: 'POST', url: `${url}/api/chat`, headers: {}, body })

describe('a used connection', () => {
  /** Answers the first request, and closes the connection at the second one, once. */
  async function serveOnce() {
    let count = 0
    const server = await serve((_, socket) => (++count === 2 ? socket.destroy() : socket.write(ok)))
    return { ...server, count: () => count }
  }

  test('that closes while a GET is on its way is replaced, because a GET changes nothing', async () => {
    const connect = create()
    const { url, sockets, count } = await serveOnce()
    for (let i = 0; i < 2; i++) {
      const { flow } = await connect(toGet(url), signal)
      expect(await readAll(flow, 10)).toBe('ok')
      await untilIdle()
    }
    expect([count(), sockets.size]).toEqual([3, 2])
  })

  test('that closes while a POST is on its way fails it, because Ollama may have begun', async () => {
    const connect = create()
    const { url, count } = await serveOnce()
    const { flow } = await connect(toPost(url), signal)
    expect(await readAll(flow, 10)).toBe('ok')
    await untilIdle()
    await expect(connect(toPost(url), signal)).rejects.toMatchObject({ code: 'upstream_unreachable' })
    expect(count()).toBe(2)
  })

  test('is sent no third GET', async () => {
    const connect = create()
    let count = 0
    const { url } = await serve((_, socket) => (++count > 1 ? socket.destroy() : socket.write(ok)))
    const { flow } = await connect(toGet(url), signal)
    await readAll(flow, 10)
    await untilIdle()
    await expect(connect(toGet(url), signal)).rejects.toMatchObject({ code: 'upstream_unreachable' })
    expect(count).toBe(3)
  })

  test.each<[string, (socket: Socket) => void]>([
    ['that the upstream closes', (socket) => socket.end()],
    ['that the upstream resets', (socket) => socket.resetAndDestroy()],
    ['that says more than it was asked', (socket) => socket.write(ok)],
  ])('%s while it is idle is used no more', async (_, disturb) => {
    const connect = create()
    const { url, sockets } = await serve((_, socket) => socket.write(ok))
    await readAll((await connect(toPost(url), signal)).flow, 10)
    await untilIdle()
    const [socket] = sockets
    disturb(socket!)
    await once(socket!, 'close')
    await untilIdle() // now we know as well
    expect(await readAll((await connect(toPost(url), signal)).flow, 10)).toBe('ok')
    expect(sockets.size).toBe(2)
  })

  test.each([
    ['connection: close', 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok'],
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok'],
  ])('is closed by us after %s', async (_, answer) => {
    const connect = create()
    const { url, sockets } = await serve((_, socket) => socket.write(answer))
    for (let i = 0; i < 2; i++) expect(await readAll((await connect(toGet(url), signal)).flow, 10)).toBe('ok')
    expect(sockets.size).toBe(2)
  })

  test('is one of at most 256 that wait', async () => {
    const connect = create()
    let waiting: Socket[] | undefined = []
    const { url, sockets } = await serve((_, socket) => (waiting ? void waiting.push(socket) : void socket.write(ok)))
    const asked = Array.from({ length: 300 }, async () => readAll((await connect(toPost(url), signal)).flow, 10))
    await expect.poll(() => waiting!.length).toBe(300)
    for (const socket of waiting) socket.write(ok)
    waiting = undefined
    await Promise.all(asked)
    await expect.poll(() => [...sockets].filter((socket) => !socket.destroyed)).toHaveLength(256)
    expect(await readAll((await connect(toPost(url), signal)).flow, 10)).toBe('ok')
    expect(sockets.size).toBe(300)
  })
})

test('a connection whose upstream answers without reading the whole request is not used again', async () => {
  const connect = create()
  let count = 0
  const server = createServer((socket) => {
    closings.push(async () => void socket.destroy())
    count++
    socket.once('data', () => socket.pause().write(ok))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closings.push(async () => void server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  for (const body of ['x'.repeat(30e6), '{}']) {
    expect(await readAll((await connect(toPost(url, body), signal)).flow, 10)).toBe('ok')
    await untilIdle()
  }
  expect(count).toBe(2)
})

test('50 clients that ask again at once share about as many connections', async () => {
  const connect = create()
  const { url, sockets } = await serve((_, socket) => socket.write(ok))
  const askOften = async () => {
    for (let i = 0; i < 20; i++) expect(await readAll((await connect(toPost(url), signal)).flow, 10)).toBe('ok')
  }
  await Promise.all(Array.from({ length: 50 }, askOften))
  expect(sockets.size).toBeLessThanOrEqual(200)
})

describe('a response that ends with the request’s abort', () => {
  test('in its last bytes does not come back as a used connection', async () => {
    const connect = create()
    const { url, sockets } = await serve((_, socket) => {
      socket.write(ok.slice(0, -2))
      setTimeout(() => socket.write(ok.slice(-2)), 5)
    })
    for (let i = 0; i < 3; i++) {
      const controller = new AbortController()
      const { flow } = await connect(toPost(url), controller.signal)
      await expect(flow(() => controller.abort(new Error('enough')))).rejects.toThrow('enough')
    }
    expect(sockets.size).toBe(3)
  })
})

/** Writes one answer in a random way, and spoils one in three. Returns whether it is whole. */
function writeAnswer(random: Random, text: string, socket: Socket) {
  const chunked = () => {
    let body = ''
    for (let from = 0; from < text.length;) {
      const to = from + 1 + random(text.length - from)
      body += `${(to - from).toString(16)}\r\n${text.slice(from, to)}\r\n`
      from = to
    }
    return `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${body}0\r\n\r\n`
  }
  const whole = random(2) === 0 ? chunked() : `HTTP/1.1 200 OK\r\ncontent-length: ${text.length}\r\n\r\n${text}`
  const other = 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nnot yours'
  const pieces = (bytes: string, then: () => void = () => {}) => {
    const cut = random(bytes.length)
    socket.write(bytes.slice(0, cut))
    setTimeout(() => {
      if (!socket.destroyed) socket.write(bytes.slice(cut))
      then()
    }, random(3))
  }
  const faults: (() => void)[] = [
    () => pieces(whole + other),
    () => pieces(whole, () => socket.write(other)),
    () => pieces(whole.slice(0, random(whole.length)), () => socket.destroy()),
    () => pieces(whole, () => socket.destroy()),
    () => pieces(whole, () => socket.resetAndDestroy()),
    () => pieces(whole.replace('200 OK\r\n', '200 OK\r\nconnection: close\r\n') + other),
    () => pieces(whole.replace(/content-length: \d+/, `content-length: ${text.length - 1}`)),
    () => pieces(whole.replace('\r\n\r\n', '\r\ncontent-length: 3\r\n\r\n')),
    () => socket.destroy(),
  ]
  if (random(3) > 0) pieces(whole)
  else random.pick(faults)()
}

test('1,000 requests over connections with random faults: no byte of one answer is in another, and none hangs', async () => {
  const random = createRandom(15)
  const connect = create()
  const { url, sockets } = await serve((request, socket) => {
    const id = /"id":(\d+)/.exec(request)![1]!
    writeAnswer(random, `answer ${id} ${'x'.repeat(random(2000))} of ${id}`, socket)
  })
  let next = 0
  const outcomes = { whole: 0, failed: 0 }
  const toOutcome = async (id: number) => {
    try {
      const { flow } = await connect(toPost(url, JSON.stringify({ id })), signal)
      const text = await readAll(flow, 10_000)
      // An answer whose length is one too short is whole by HTTP.
      expect(text).toMatch(new RegExp(`^answer ${id} x* of ${String(id).slice(0, -1)}(?:${String(id).slice(-1)})?$`))
      outcomes.whole++
    } catch (error) {
      if (error instanceof Error && error.name === 'AssertionError') throw error
      expect(error).toMatchObject({ code: expect.stringMatching(/^upstream_(?:failed|unreachable)$/) as string })
      outcomes.failed++
    }
  }
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      while (next < 1000) await toOutcome(next++)
    }),
  )
  expect(outcomes.whole).toBeGreaterThan(600)
  expect(outcomes.failed).toBeGreaterThan(100)
  expect(sockets.size, 'connections are reused').toBeLessThan(600)
})
