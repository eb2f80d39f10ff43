import { Hono } from 'hono'
import { streamSSE } from 'hono/streaming'

/**
 * Plain Hono, as most people write it: a loop that reads the body of `fetch`, splits it at line
 * ends, and awaits one `writeSSE` per token. It does not even parse the lines, so it is hard to
 * beat.
 */
export function createWriteSse(ollamaHost: string): Hono {
  return new Hono()
    .get('/ping', (c) => c.json({ message: 'OK' }))
    .post('/api/generate', (c) =>
      streamSSE(c, async (stream) => {
        const controller = new AbortController()
        stream.onAbort(() => controller.abort())
        const upstream = await fetch(`${ollamaHost}/api/generate`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: await c.req.text(),
          signal: controller.signal,
        })
        if (!upstream.body) return
        const reader = upstream.body.getReader()
        const decoder = new TextDecoder()
        let buffer = ''
        for (;;) {
          const { done, value } = await reader.read()
          if (done) break
          buffer += decoder.decode(value, { stream: true })
          const lines = buffer.split('\n')
          buffer = lines.pop() ?? ''
          for (const data of lines) await stream.writeSSE({ data })
        }
      }),
    )
}
