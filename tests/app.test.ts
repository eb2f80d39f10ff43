import { expect, test } from 'vitest'
import { createApp } from '../src/app.ts'
import { parseConfig } from '../src/config/parse-config.ts'

const { fetch } = createApp({ config: parseConfig({ SLUICE_DEMO: '1' }) })

test.each(['/chat', '/api/generate', '/api/chat'])(
  '%s: an app whose runtime cannot break a response answers text/plain with SSE',
  async (path) => {
    const body = JSON.stringify({ text: 'Hi', prompt: 'Hi', messages: [{ role: 'user', content: 'Hi' }] })
    const response = await fetch(
      new Request(`http://localhost${path}`, { method: 'POST', body, headers: { host: 'localhost', accept: 'text/plain' } }),
    )
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    await response.body!.cancel()
  },
)
