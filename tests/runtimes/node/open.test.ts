import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import type { Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Sink } from '../../../src/relay/sink.ts'
import { openOnNode, withHeads } from '../../../src/runtimes/node/open.ts'
import { openContract } from '../../contracts/open.ts'

openContract('Node', openOnNode, { cuts: true, wrap: withHeads })

/**
 * `openOnNode` writes HTTP chunks to the socket itself. These tests read the raw bytes, because a
 * client's parser would hide the framing.
 */
describe('on the wire', () => {
  let server: Server
  let sinks: Sink[]

  beforeEach(async () => {
    sinks = []
    const app = new Hono().get('*', (c) => {
      const { response, sink } = openOnNode(c, { 'content-type': 'text/event-stream' }, () => {})
      sinks.push(sink)
      void sink.write(':\n')
      return response
    })
    server = createAdaptorServer({ fetch: withHeads(app.fetch) }) as Server
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  })
  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })

  function send(requests: string) {
    const socket = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' }).setEncoding('utf8')
    const reader = { text: '', ended: new Promise((resolve) => socket.on('end', resolve)) }
    socket.on('data', (piece: string) => (reader.text += piece))
    socket.write(requests)
    return reader
  }
  const has = (reader: { text: string }, text: string) => expect.poll(() => reader.text, { interval: 1 }).toContain(text)

  test('each write is one HTTP chunk, and the end is the last one', async () => {
    const reader = send('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    await has(reader, '2\r\n:\n\r\n')
    void sinks[0]!.write('é👋')
    await has(reader, '6\r\né👋\r\n')
    void sinks[0]!.end()
    await reader.ended
    expect(reader.text.split('\r\n\r\n').slice(1).join('\r\n\r\n')).toBe('2\r\n:\n\r\n6\r\né👋\r\n0\r\n\r\n')
  })

  test('HTTP/1.0 has no chunks', async () => {
    const reader = send('GET / HTTP/1.0\r\nHost: a\r\n\r\n')
    await has(reader, ':\n')
    void sinks[0]!.write('a')
    await has(reader, ':\na')
    void sinks[0]!.end()
    await reader.ended
    expect(reader.text.endsWith('\r\n\r\n:\na')).toBe(true)
  })

  test('a stream that is pipelined behind another waits for its turn', async () => {
    const reader = send('GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    await expect.poll(() => sinks.length, { interval: 1 }).toBe(2)
    await has(reader, '2\r\n:\n\r\n')
    void sinks[1]!.write('second')
    void sinks[0]!.write('first')
    await has(reader, '5\r\nfirst\r\n')
    expect(reader.text).not.toContain('second')
    void sinks[0]!.end()
    await has(reader, '6\r\nsecond\r\n')
    void sinks[1]!.write('third')
    await has(reader, '6\r\nsecond\r\n5\r\nthird\r\n')
    void sinks[1]!.end()
    await reader.ended
    expect(reader.text.endsWith('5\r\nthird\r\n0\r\n\r\n')).toBe(true)
  })
})
