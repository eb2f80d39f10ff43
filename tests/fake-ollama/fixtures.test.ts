import { once } from 'node:events'
import http from 'node:http'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { createGunzip } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { plain } from '#fake-ollama/fault.ts'
import { faults, refusedUrl } from '#fake-ollama/faults.ts'
import { loadRecording, recordingNames, toBytes, toLines } from '#fake-ollama/recording.ts'
import { cutBytes, delayed, flatOut, lines, replay, silent, thenClosing, thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { startUpstream } from '#fake-ollama/upstream.ts'
import type { Exchange, Script, Upstream } from '#fake-ollama/upstream.ts'
import { upstreamErrors } from '#fake-ollama/upstream-errors.ts'

let upstream: Upstream

beforeEach(async () => {
  upstream = await startUpstream()
})

afterEach(async () => {
  await expect.poll(() => upstream.open).toBe(0)
  await upstream.close()
  expect(upstream.connections).toBe(0)
})

function ask(model: string, options: { path?: string; signal?: AbortSignal; body?: object } = {}): Promise<Response> {
  const { path = '/api/generate', signal, body = {} } = options
  const init = { method: 'POST', body: JSON.stringify({ model, ...body }), redirect: 'manual' as const }
  return fetch(upstream.url + path, signal === undefined ? init : { ...init, signal })
}

async function bytesOf(response: Response): Promise<Buffer> {
  return Buffer.from(await response.arrayBuffer())
}

async function dial(...requests: string[]): Promise<Socket> {
  const socket = connect(upstream.port, '127.0.0.1')
  await once(socket, 'connect')
  for (const request of requests) socket.write(request)
  return socket
}

function toRequest(model: string, path = '/api/generate'): string {
  const body = JSON.stringify({ model })
  return `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

/** Reads a raw connection until `isEnough` returns true. */
async function read(socket: Socket, isEnough: (text: string) => boolean): Promise<string> {
  const pieces: Buffer[] = []
  for await (const bytes of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    pieces.push(bytes)
    const text = Buffer.concat(pieces).toString('latin1')
    if (isEnough(text)) return text
  }
  throw new Error(`Cannot read on: ${Buffer.concat(pieces).toString('latin1')}`)
}

/** Returns the HTTP chunks of a chunked answer, without the empty chunk at its end. */
function toChunks(answer: string): string[] {
  const chunks: string[] = []
  let rest = answer.slice(answer.indexOf('\r\n\r\n') + 4)
  for (;;) {
    const size = Number.parseInt(rest, 16)
    if (size === 0) return chunks
    const from = rest.indexOf('\r\n') + 2
    chunks.push(Buffer.from(rest.slice(from, from + size), 'latin1').toString())
    rest = rest.slice(from + size + 2)
  }
}

const isWhole = (text: string) => text.endsWith('\r\n0\r\n\r\n')

describe('recordings', () => {
  test('have the shape that their type promises', () => {
    expect(recordingNames().length).toBeGreaterThan(100)
    for (const name of recordingNames()) {
      // The body may be anything, even null.
      const { body } = loadRecording(name).request
      expect(loadRecording(name)).toEqual({
        about: expect.any(String),
        request: { method: expect.any(String), path: expect.any(String), body, headers: expect.any(Object) },
        status: expect.any(Number),
        headers: expect.any(Object),
        chunks: loadRecording(name).chunks.map(() => [expect.any(Number), expect.any(String)]),
        ended: expect.any(String),
      })
    }
  })

  test('an unknown name is in the error', () => {
    expect(() => loadRecording('nothing')).toThrow('nothing.json')
    expect(() => loadRecording('0.33/nothing')).toThrow('nothing.json')
  })

  test('a name without a version means the newest version with that recording', () => {
    expect(loadRecording('tags')).toEqual(loadRecording('0.33/tags'))
    expect(loadRecording('tags')).not.toEqual(loadRecording('0.24/tags'))
    expect(loadRecording('embed')).toEqual(loadRecording('0.24/embed'))
  })

  test('lines are the bytes without their line feeds', () => {
    const recording = loadRecording('generate-chinese')
    expect(`${toLines(recording).join('\n')}\n`).toBe(Buffer.from(toBytes(recording)).toString())
  })

  test.each([['as-recorded'], ['one'], ['bytewise'], [[1, 5, 100, 101, 5000]]] as const)(
    'a replay cut %j gives the recorded bytes and head',
    { timeout: 30_000 },
    async (cut) => {
      // A recorded answer to HEAD contains a length, but no body. So it is not a valid answer to
      // other methods.
      const names = recordingNames().filter((name) => loadRecording(name).ended === 'clean end' && !name.endsWith('/head-root'))
      await Promise.all(
        names.map(async (name) => {
          const recording = loadRecording(name)
          const response = await ask(upstream.script(replay(name, { cut })))
          expect(response.status, name).toBe(recording.status)
          expect(response.headers.get('content-type'), name).toBe(recording.headers['content-type'] ?? null)
          const bytes = await bytesOf(response)
          expect(bytes.equals(toBytes(recording)), name).toBe(true)
        }),
      )
    },
  )

  test('a replay as recorded has the recorded HTTP chunks', async () => {
    const socket = await dial(toRequest(upstream.script(replay('generate-chinese'))))
    const chunks = toChunks(await read(socket, isWhole))
    expect(chunks).toEqual(loadRecording('generate-chinese').chunks.map(([, text]) => text))
    socket.destroy()
  })

  test('a replay cut bytewise has a chunk for every byte', async () => {
    const socket = await dial(toRequest(upstream.script(replay('generate-length', { cut: 'bytewise' }))))
    const chunks = toChunks(await read(socket, isWhole))
    expect(chunks.every((chunk) => chunk.length === 1)).toBe(true)
    expect(chunks).toHaveLength(toBytes(loadRecording('generate-length')).length)
    socket.destroy()
  })

  test('a replay keeps its pace', async () => {
    const recorded = loadRecording('generate-logprobs')
    const start = performance.now()
    await bytesOf(await ask(upstream.script(replay('generate-logprobs', { pace: 'recorded' }))))
    expect(performance.now() - start).toBeGreaterThan((recorded.chunks.at(-1)?.[0] ?? Infinity) - 5)
    const again = performance.now()
    await bytesOf(await ask(upstream.script(replay('generate-logprobs', { pace: 10, cut: 'as-recorded' }))))
    expect(performance.now() - again).toBeGreaterThan((recorded.chunks.length - 1) * 10 - 5)
  })

  test('a recording without a clean end is left open', async () => {
    const leave = new AbortController()
    const model = upstream.script(replay('reader-leaves'))
    const response = await ask(model, { signal: leave.signal })
    const reader = response.body?.getReader()
    let length = 0
    while (length < toBytes(loadRecording('reader-leaves')).length) length += (await reader?.read())?.value?.length ?? Infinity
    expect((await upstream.next(model)).exchange.isOpen).toBe(true)
    leave.abort()
  })

  test('cuts lie at the offsets, none is empty', () => {
    const bytes = Buffer.from('abcdef')
    expect(cutBytes(bytes, [4, 1, 0, 6, 9]).map((piece) => Buffer.from(piece).toString())).toEqual(['a', 'bcd', 'ef'])
  })
})

describe('requests', () => {
  test('are seen as they were on the wire', async () => {
    const model = upstream.script(lines([]))
    const body = JSON.stringify({ model, prompt: 'ö' })
    const head = `POST /api/chat HTTP/1.1\r\nHost: x\r\nX-Two: a\r\nx-two: b\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`
    const socket = await dial()
    for (const byte of Buffer.from(head + body)) socket.write(Buffer.of(byte))
    const seen = await upstream.next(model)
    expect(seen).toMatchObject({ method: 'POST', target: '/api/chat', body, json: { model, prompt: 'ö' } })
    expect(seen.headers['x-two']).toBe('a, b')
    expect(seen.rawHeaders.slice(1, 3)).toEqual([
      ['X-Two', 'a'],
      ['x-two', 'b'],
    ])
    expect(performance.now() - seen.receivedAt).toBeLessThan(5000)
    socket.destroy()
  })

  test('with a chunked body, extensions and trailers are read', async () => {
    const model = upstream.script(lines([]))
    const [first, second] = [JSON.stringify({ model }).slice(0, 5), JSON.stringify({ model }).slice(5)]
    const socket = await dial(
      'POST /api/generate HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n',
      `5;x=y\r\n${first}\r\n${second.length.toString(16)}\r\n${second}\r\n0\r\nX-Trailer: 1\r\n\r\n`,
    )
    expect((await upstream.next(model)).json).toEqual({ model })
    socket.destroy()
  })

  test.each([['of known length'], ['chunked']])('with a body of 20 MB, %s, are read fast', async (how) => {
    const model = upstream.script(lines([]))
    const prompt = 'x'.repeat(20_000_000)
    const text = JSON.stringify({ model, prompt })
    const body = how === 'chunked' ? new Blob([text]).stream() : text
    const start = performance.now()
    const response = await fetch(`${upstream.url}/api/generate`, { method: 'POST', body, duplex: 'half' } as RequestInit)
    await bytesOf(response)
    expect(performance.now() - start).toBeLessThan(3000)
    expect((await upstream.next(model)).body).toHaveLength(text.length)
  })

  test('that expect 100-continue are told to go on', async () => {
    const socket = await dial('POST /api/generate HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n')
    await read(socket, (text) => text === 'HTTP/1.1 100 Continue\r\n\r\n')
    socket.write('{}')
    expect(await read(socket, (text) => text.includes('not found'))).toContain('404')
    socket.destroy()
  })

  test('pipelined are answered in order, the second after the end of the first', async () => {
    let first: Exchange | undefined
    const slow = upstream.script((exchange) => {
      first = exchange
    })
    const fast = upstream.script(lines(['second']))
    const socket = await dial(toRequest(slow) + toRequest(fast))
    await upstream.next(slow)
    expect(upstream.requestsFor(fast)).toEqual([])
    first?.head(200, { 'content-length': '5' })
    first?.chunk('first')
    first?.end()
    const answer = await read(socket, isWhole)
    expect(answer.indexOf('first')).toBeLessThan(answer.indexOf('second'))
    expect(upstream.requests.map(({ json }) => json)).toEqual([{ model: slow }, { model: fast }])
    socket.destroy()
  })

  test('over one agent share a kept-alive connection', async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    const ports = new Set<number | undefined>()
    for (let i = 0; i < 3; i++) {
      const model = upstream.script(replay('generate-length', { cut: 'one' }))
      const request = http.request(`${upstream.url}/api/generate`, { method: 'POST', agent })
      request.end(JSON.stringify({ model }))
      const [response] = (await once(request, 'response')) as [http.IncomingMessage]
      response.resume()
      await once(response, 'end')
      ports.add((await upstream.next(model)).exchange.socket.remotePort)
      expect(upstream.connections).toBe(1)
    }
    expect(ports.size).toBe(1)
    agent.destroy()
    await expect.poll(() => upstream.connections).toBe(0)
  })

  test('that are malformed get a 400, and are listed in strangers', async () => {
    const socket = await dial('hello\r\n\r\n')
    await read(socket, (text) => text.startsWith('HTTP/1.1 400'))
    expect(upstream.strangers).toEqual(['Error: Cannot parse a request: hello'])
    socket.destroy()
  })
})

describe('models', () => {
  test('run their own scripts', async () => {
    const models = ['a', 'b', 'c'].map((text) => upstream.script(lines([text])))
    const texts = await Promise.all(models.map(async (model) => (await ask(model)).text()))
    expect(texts).toEqual(['a\n', 'b\n', 'c\n'])
    expect(models.map((model) => upstream.requestsFor(model).length)).toEqual([1, 1, 1])
  })

  test('can be given a name, which means :latest without a tag', async () => {
    upstream.script(lines(['named']), 'mine')
    expect(await (await ask('mine:latest')).text()).toBe('named\n')
    expect(upstream.requestsFor('mine')).toHaveLength(1)
  })

  test('next() gives each request once, whether it has arrived before the call or after', async () => {
    const model = upstream.script(lines([]))
    await ask(model, { body: { n: 1 } })
    const second = upstream.next(model).then(() => upstream.next(model))
    await ask(model, { body: { n: 2 } })
    expect((await second).json).toEqual({ model, n: 2 })
  })

  test('next() rejects with the name of the model after its limit, and then waits for the same request', async () => {
    const model = upstream.script(lines([]))
    await expect(upstream.next(model, 20)).rejects.toThrow(`Cannot see request 1 for ${model}: none in 20 ms`)
    await ask(model)
    expect((await upstream.next(model)).json).toEqual({ model })
  })
})

describe('routes', () => {
  test('answer from the recordings', async () => {
    for (const [path, name] of [
      ['/', 'root'],
      ['/api/tags', 'tags'],
      ['/api/ps', 'ps'],
      ['/api/version', 'version'],
    ] as const)
      expect((await bytesOf(await fetch(upstream.url + path))).equals(toBytes(loadRecording(name)))).toBe(true)
    for (const [path, name] of [
      ['/api/show', 'show'],
      ['/api/embed', 'embed'],
      ['/api/generate', 'generate-stream'],
      ['/api/chat', 'chat-stream'],
    ] as const)
      expect((await bytesOf(await ask('gemma3:270m', { path }))).equals(toBytes(loadRecording(name)))).toBe(true)
    expect(await (await ask('gemma3:270m', { path: '/api/embeddings' })).json()).toEqual({ embedding: expect.any(Array) })
    expect((await fetch(upstream.url, { method: 'HEAD' })).status).toBe(200)
    expect(upstream.strangers).toEqual([])
  })

  test('refuse a missing model by its name, and a request without a model', async () => {
    const answers = [await ask('ghost'), await fetch(`${upstream.url}/api/chat`, { method: 'POST', body: '{}' })]
    expect(await Promise.all(answers.map(async (answer) => [answer.status, await answer.json()]))).toEqual([
      [404, { error: "model 'ghost' not found" }],
      [400, { error: 'model is required' }],
    ])
  })

  test('that do not exist are refused and listed in strangers: odd paths, odd methods, queries', async () => {
    const targets = ['/api/pull', '//api/generate', '/api/tags?x=1']
    for (const target of targets) {
      const socket = await dial(`POST ${target} HTTP/1.1\r\nContent-Length: 0\r\n\r\n`)
      expect(await read(socket, (text) => text.endsWith('not found'))).toContain('404 Not Found')
      socket.destroy()
    }
    const wrong = await fetch(`${upstream.url}/api/generate`)
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST'])
    expect(upstream.strangers).toEqual([...targets.map((target) => `POST ${target}`), 'GET /api/generate'])
  })

  test('can be replaced, added and restored', async () => {
    const restore = upstream.on('GET /api/version', (exchange) => exchange.reset())
    await expect(fetch(`${upstream.url}/api/version`)).rejects.toThrow()
    restore()
    expect((await fetch(`${upstream.url}/api/version`)).status).toBe(200)
    upstream.on('POST /api/pull', replay('error-pull'))
    expect((await ask('x', { path: '/api/pull' })).status).toBe(200)
    expect(upstream.strangers).toEqual([])
  })
})

describe('ends', () => {
  test.each([['FIN'], ['RST']])(
    'closedByReader resolves on a %s: in silence, between tokens, while not reading',
    async (how) => {
      for (const script of [silent(), thenSilent(2), flatOut()]) {
        const model = upstream.script(script)
        const socket = await dial(toRequest(model))
        const { exchange } = await upstream.next(model)
        expect([upstream.open, upstream.connections, exchange.isOpen]).toEqual([1, 1, true])
        const before = performance.now()
        if (how === 'FIN') socket.end()
        else socket.resetAndDestroy()
        const at = await exchange.closedByReader
        expect(at).toBeGreaterThanOrEqual(before)
        expect(performance.now()).toBeGreaterThanOrEqual(at)
        await exchange.ended
        await expect.poll(() => [upstream.open, upstream.connections, exchange.isOpen]).toEqual([0, 0, false])
        socket.destroy()
      }
    },
  )

  test('closedByReader does not resolve once the exchange has ended by itself', async () => {
    const model = upstream.script(lines(['x']))
    const socket = await dial(toRequest(model))
    await read(socket, isWhole)
    socket.end()
    const { exchange } = await upstream.next(model)
    await expect.poll(() => upstream.connections).toBe(0)
    expect(await Promise.race([exchange.closedByReader, Promise.resolve('silent')])).toBe('silent')
    // The answer has ended, so this chunk is ignored and causes no error.
    exchange.chunk('late')
  })

  test('reset is ECONNRESET', async () => {
    const model = upstream.script((exchange) => exchange.reset())
    const request = http.request(`${upstream.url}/api/generate`, { method: 'POST', agent: false })
    request.end(JSON.stringify({ model }))
    const [error] = (await once(request, 'error').catch((caught: unknown) => [caught])) as [NodeJS.ErrnoException]
    expect([error.code, error.message]).toEqual(['ECONNRESET', 'read ECONNRESET'])
  })

  test('fin after a token is a FIN: the token arrives, the body is broken', async () => {
    const model = upstream.script(async (exchange) => {
      exchange.head(200)
      exchange.chunk('token')
      await exchange.passed
      exchange.fin()
    })
    const response = await ask(model)
    const reader = response.body?.getReader()
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('token')
    const { exchange } = await upstream.next(model)
    exchange.pass()
    await expect(reader?.read()).rejects.toThrow('terminated')
  })

  test('without chunks the body ends with the connection; with 204 there is none', async () => {
    const model = upstream.script((exchange) => {
      exchange.head(200, { 'transfer-encoding': 'none' })
      exchange.chunk('all')
      exchange.end()
    })
    const socket = await dial(toRequest(model))
    expect(await read(socket, (text) => text.endsWith('all'))).toBe('HTTP/1.1 200 OK\r\n\r\nall')
    await once(socket.resume(), 'end')
    const empty = upstream.script((exchange) => {
      exchange.head(204)
      exchange.chunk('nothing')
      exchange.end()
    })
    const other = await dial(toRequest(empty))
    expect(await read(other, (text) => text.endsWith('\r\n\r\n'))).toBe('HTTP/1.1 204 No Content\r\n\r\n')
    other.destroy()
  })

  test('a reader that does not read holds the script back', async () => {
    const model = upstream.script(flatOut({ linesPerChunk: 10 }))
    const socket = await dial(toRequest(model))
    socket.pause()
    const { exchange } = await upstream.next(model)
    await expect.poll(() => exchange.socket.writableNeedDrain).toBe(true)
    expect(exchange.socket.writableLength).toBeLessThan(200_000)
    socket.destroy()
  })

  test('a restart cuts every stream, and the port is the same', async () => {
    const models = Array.from({ length: 20 }, () => upstream.script(thenSilent(1)))
    const responses = await Promise.all(models.map((model) => ask(model)))
    expect(upstream.open).toBe(20)
    await upstream.stop()
    for (const response of responses) await expect(response.text()).rejects.toThrow('terminated')
    expect([upstream.open, upstream.connections]).toEqual([0, 0])
    await expect(fetch(upstream.url)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } })
    await upstream.start()
    expect(await (await fetch(upstream.url)).text()).toBe('Ollama is running')
  })

  test('close() rejects with the error of a script', async () => {
    const own = await startUpstream()
    const model = own.script(() => {
      throw new Error('oops')
    })
    await expect(fetch(`${own.url}/api/generate`, { method: 'POST', body: JSON.stringify({ model }) })).rejects.toThrow()
    await expect(own.close()).rejects.toThrow('Scripts failed: Error: oops')
  })

  test('close() rejects a next() that still waits', async () => {
    const own = await startUpstream()
    const waiting = expect(own.next('x')).rejects.toThrow('the upstream is closed')
    await own.close()
    await waiting
  })
})

describe('scripts', () => {
  test.each(['/api/generate', '/api/chat'])('tokens speak the shape of %s and end with a done line', async (path) => {
    const model = upstream.script(tokens({ count: 3, text: (index) => `<${index}>` }))
    const text = await (await ask(model, { path })).text()
    expect(text).toContain(String.raw`\u003c1\u003e`)
    const said = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { response?: string; message?: { content: string } })
    expect(said.map(({ response, message }) => response ?? message?.content)).toEqual(['<0>', '<1>', '<2>', ''])
    expect(said.at(-1)).toMatchObject({ model, done: true, done_reason: 'stop', eval_count: 3 })
  })

  test('paced tokens take their time, and so does the silence before', async () => {
    const start = performance.now()
    await (await ask(upstream.script(delayed(50, tokens({ count: 11, perSecond: 200 }))))).text()
    expect(performance.now() - start).toBeGreaterThan(95)
  })

  test('a limited flat-out stream has all its lines', async () => {
    const text = await (await ask(upstream.script(flatOut({ count: 1000, linesPerChunk: 64 })))).text()
    expect(text.trim().split('\n')).toHaveLength(1001)
  })

  test('a delayed script does not run for a reader that has left', async () => {
    let ran = false
    const model = upstream.script(delayed(10_000, () => void (ran = true)))
    const socket = await dial(toRequest(model))
    const { exchange } = await upstream.next(model)
    socket.destroy()
    await exchange.closedByReader
    expect(ran).toBe(false)
  })

  test('thenClosing closes the idle connection after its answer', async () => {
    const socket = await dial(toRequest(upstream.script(thenClosing(lines(['x']), 5))))
    await read(socket, isWhole)
    await once(socket.resume(), 'end')
    socket.destroy()
  })

  test('nobody listens at the refused URL', async () => {
    await expect(fetch(await refusedUrl())).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } })
  })
})

describe('faults', () => {
  test('have every id of the table, and names of their own', () => {
    const ids = [3, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15, 16, 17, 18, 21, 22].map((id) => `F${id}`)
    expect(new Set(faults.map(({ id }) => id))).toEqual(new Set(ids))
    const names = faults.map(({ id, name }) => `${id} ${name}`)
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
  })

  test('every recorded error is in upstreamErrors', () => {
    const recorded = recordingNames().filter((name) => name.includes('/error-') && !name.endsWith('/error-pull'))
    const told = new Set(upstreamErrors.map(({ recording }) => recording))
    const isTold = (name: string) => told.has(name) || told.has(name.split('/')[1]!)
    expect(recorded.filter((name) => !isTold(name))).toEqual([])
  })

  const rows = faults.flatMap((fault) => ['/api/generate', '/api/chat'].map((path) => ({ ...fault, path })))

  test.for(rows.filter((row) => 'same' in row.expect))('$id $name at $path is the plain stream', async (row) => {
    const toEvents = async (script: Script) => {
      const text = (await readToDone(upstream.script(script), row.path)).replace(/^\ufeff/, '')
      const events = text.split('\n').filter((line) => line.trim() !== '')
      const done = events.findIndex((line) => line.includes('"done":true'))
      return events.slice(0, done + 1).map((line) => JSON.parse(line) as unknown)
    }
    const expected = await toEvents(plain)
    expect(expected.length).toBeGreaterThan(10)
    expect(await toEvents(row.script)).toEqual(expected)
  })

  test.for(rows.filter((row) => !('same' in row.expect)))('$id $name at $path', async ({ path, script, text }) => {
    const model = upstream.script(script)
    const leave = new AbortController()
    let got = ''
    try {
      const response = await ask(model, { path, signal: leave.signal })
      const decoder = new TextDecoder()
      const { exchange } = await upstream.next(model)
      for await (const bytes of response.body ?? []) {
        // Some answers never end, and some are huge. Read only until there is enough for the checks
        // below.
        got += decoder.decode(bytes, { stream: true })
        if (got.split('\n').length > 3) exchange.pass()
        if (got.length > 1_000_000 || /error|runner/.test(got)) leave.abort()
      }
    } catch {
      // In most rows the answer breaks, so reading it fails. This test checks only what arrived
      // before.
    }
    leave.abort()
    const lineTexts = got
      .split('\n')
      .filter((line) => line.includes('"done":false'))
      .slice(0, 3)
      .map((line) => /"(?:response|content)":"([^"]*)/.exec(line)?.[1])
    if (text !== '') expect(lineTexts.join('')).toBe(text)
    await upstream.requestsFor(model)[0]?.exchange.ended
    expect(upstream.strangers).toEqual([])
  })
})

/**
 * Reads a good stream up to its done line. After that line, the stream may stay open or break.
 * `fetch` cannot be used, because undici rejects an unexpected status 100.
 */
async function readToDone(model: string, path: string): Promise<string> {
  const request = http.request(upstream.url + path, { method: 'POST', agent: false })
  request.end(JSON.stringify({ model }))
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  const body = response.headers['content-encoding'] === 'gzip' ? response.pipe(createGunzip()) : response
  let text = ''
  for await (const piece of body.setEncoding('utf8') as AsyncIterable<string>) {
    text += piece
    if (/"done":true.*\n/.test(text)) break
  }
  request.destroy()
  return text
}
