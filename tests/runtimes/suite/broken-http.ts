import { createServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net'
import { once } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { read, readAll } from '../reader.ts'
import { startServer, type RuntimeName, type Server } from '../server.ts'

/** Sends the response to one request. */
type Respond = (socket: Socket) => void | Promise<void>

const toLine = (response: string, done: boolean) => `${JSON.stringify({ model: 'm', response, done })}\n`
const toChunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`
const type = 'Content-Type: application/x-ndjson'
const toAnswer = (text: string) =>
  `HTTP/1.1 200 OK\r\n${type}\r\nTransfer-Encoding: chunked\r\n\r\n${toChunk(toLine(text, false))}${toChunk(toLine('', true))}0\r\n\r\n`
const answer = toAnswer('own')
const body = toLine('own', false) + toLine('', true)
const toSized = (length: number) => `HTTP/1.1 200 OK\r\n${type}\r\nContent-Length: ${length}\r\n\r\n${body}`
const chunkedHead = answer.slice(0, answer.indexOf('\r\n\r\n') + 4)

/** Writes the same bytes again and again, until the peer closes the connection. */
async function flood(socket: Socket, text: string) {
  while (!socket.destroyed) {
    const hasRoom = socket.write(text)
    if (!hasRoom) await new Promise<unknown>((resolve) => socket.once('drain', resolve).once('close', resolve))
  }
}

/** An upstream that writes bytes of its own making, and so may break HTTP. */
export function describeBrokenHttp(runtime: RuntimeName) {
  describe('an upstream that breaks HTTP', () => {
    const responds = new Map<string, Respond>()
    let upstream: TcpServer
    let server: Server
    let count = 0

    beforeAll(async () => {
      upstream = createServer((socket) => {
        let request = ''
        socket.on('error', () => {})
        socket.on('data', (bytes) => {
          request += bytes.toString('latin1')
          const model = /\r\n\r\n.*"model":"([^"]+)".*\}$/s.exec(request)?.[1]
          if (model === undefined) return
          request = ''
          void responds.get(model)!(socket)
        })
      }).listen(0, '127.0.0.1')
      await once(upstream, 'listening')
      server = await startServer(runtime, {
        OLLAMA_HOST: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`,
        // Before the first token every failure has its real status.
        SLUICE_GRACE_MS: '10000',
        SLUICE_FIRST_TOKEN_TIMEOUT_MS: '2000',
        SLUICE_IDLE_TIMEOUT_MS: '2000',
      })
    })
    afterAll(async () => {
      await server.stop()
      upstream.close()
    })

    /** Resolves with the text of the answer and its terminal: `done` or the code of a failure. */
    async function ask(respond: Respond) {
      const model = `m${count++}`
      responds.set(model, respond)
      const reader = read(server, {
        path: '/api/generate',
        body: { model, prompt: 'x' },
        headers: { 'content-type': 'application/json', accept: 'application/x-ndjson' },
      })
      const { text, ended } = await readAll(reader)
      expect(ended).toBe('clean')
      const lines = text.trimEnd().split('\n')
      const values = lines.map((line) => JSON.parse(line) as { response?: string; done?: boolean; code?: string })
      const terminals = values.filter(({ done, code }) => done || code !== undefined)
      expect(terminals).toEqual(values.slice(-1))
      return { text: values.map(({ response = '' }) => response).join(''), terminal: terminals[0]!.code ?? 'done' }
    }

    const whole = { text: 'own', terminal: 'done' }
    /** No byte of an answer may come to another one, so the next answer must be its own. */
    const goesOn = async () =>
      expect(await ask((socket) => void socket.write(toAnswer('next')))).toEqual({ ...whole, text: 'next' })

    test('with a head that comes byte by byte', async () => {
      const respond: Respond = async (socket) => {
        for (const byte of answer) {
          socket.write(byte)
          await nextTurn()
        }
      }
      expect(await ask(respond)).toEqual(whole)
      await goesOn()
    })

    test('with a head that never ends', async () => {
      const { terminal } = await ask((socket) => void socket.write('HTTP/1.1 200 OK\r\nX-A: b\r\n'))
      expect(terminal).toBe('first_token_timeout')
      await goesOn()
    })

    test.each([
      ['headers', 'HTTP/1.1 200 OK\r\n', `X-A: ${'a'.repeat(1000)}\r\n`],
      ['one header', 'HTTP/1.1 200 OK\r\nX-A: ', 'a'.repeat(1000)],
      ['interim responses', '', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'],
    ])('with endless %s', async (what, start, more) => {
      const flooded = Promise.withResolvers<number>()
      const { terminal } = await ask(async (socket) => {
        socket.write(start)
        await flood(socket, more.repeat(20))
        flooded.resolve(socket.bytesWritten)
      })
      expect(terminal).not.toBe('done')
      // workerd drops interim responses one by one, until the deadline.
      const maxBytes = runtime === 'worker' && what === 'interim responses' ? Infinity : 64e6
      expect(await flooded.promise).toBeLessThan(maxBytes)
      await goesOn()
    })

    test.each([
      ['a chunk of 2^64 bytes', `${chunkedHead}10000000000000000\r\n${body}`],
      ['a chunk of fewer than no bytes', `${chunkedHead}-1\r\n${body}`],
      ['less than its Content-Length', toSized(body.length + 1).slice(0, -5)],
      ['more than its Content-Length', toSized(body.length - 5)],
      ['Content-Length and chunks', toSized(body.length).replace(type, `${type}\r\nTransfer-Encoding: chunked`)],
    ])('with %s', async (_, bytes) => {
      const { text, terminal } = await ask((socket) => void socket.end(bytes))
      expect(['', 'own']).toContain(text)
      expect(terminal).not.toBe('done')
      await goesOn()
    })

    test.each([
      ['a second response, which nobody asked for', answer + toAnswer('second')],
      ['more bytes behind Connection: close', answer.replace(type, `${type}\r\nConnection: close`) + toAnswer('second')],
    ])('with %s', async (_, bytes) => {
      for (let time = 0; time < 5; time++) {
        expect(await ask((socket) => void socket.write(bytes))).toEqual(whole)
        await goesOn()
      }
    })

    test('with a FIN at each place of its answer', async () => {
      const from = answer.indexOf('"done":true}') + '"done":true}'.length
      for (let at = 0; at <= answer.length; at += 20) {
        const places = Array.from({ length: Math.min(20, answer.length - at + 1) }, (_, index) => at + index)
        await Promise.all(
          places.map(async (place) => {
            const { text, terminal } = await ask((socket) => void socket.end(answer.slice(0, place)))
            expect(['', 'own']).toContain(text)
            if (place < from) expect(terminal, `a FIN at ${place}`).not.toBe('done')
            if (place === answer.length) expect(terminal).toBe('done')
          }),
        )
      }
      await goesOn()
    })
  })
}
