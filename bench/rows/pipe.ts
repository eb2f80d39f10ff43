import { createServer, request } from 'node:http'
import { pipeline } from 'node:stream'

/**
 * The baseline of every comparison: the cheapest possible relay on Node. It passes the bytes on
 * unchanged and unparsed.
 */
const upstream = new URL('/api/generate', process.env.OLLAMA_HOST)

createServer((asked, response) => {
  if (asked.method === 'GET') {
    response.end('{"message":"OK"}')
    return
  }
  const call = request(upstream, { method: 'POST', headers: { 'content-type': 'application/json' } })
  call.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, { 'content-type': 'application/x-ndjson' })
    pipeline(answer, response, () => {})
  })
  call.on('error', () => response.destroy())
  response.on('close', () => call.destroy())
  asked.pipe(call)
}).listen(Number(process.env.PORT), '127.0.0.1')
