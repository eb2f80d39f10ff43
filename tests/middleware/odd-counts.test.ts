import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { createApp } from '../../src/app.ts'
import { parseConfig } from '../../src/config/parse-config.ts'
import type { LogLine } from '../../src/middleware/access-log.ts'
import { openWithStreamSSE } from '../../src/relay/sink.ts'

const sha256 = createHash('sha256').update('secret').digest('hex')

/** Asks an Ollama whose last line, or whose only answer, is `answer`. The budget is 1000 tokens a day. */
function create(answer: string) {
  const lines: LogLine[] = []
  const app = createApp({
    config: parseConfig({ SLUICE_API_KEYS: `me:${sha256}`, SLUICE_TOKENS_PER_DAY: '1000', SLUICE_MAX_NUM_PREDICT: '10' }),
    connect: () =>
      Promise.resolve({
        status: 200,
        headers: new Headers({ 'content-type': 'application/json' }),
        flow: async (take) => take(Buffer.from(answer)),
      }),
    open: openWithStreamSSE,
    log: (line) => void lines.push(line),
  })
  return async (path: string, body?: object) => {
    const response = await app.fetch(
      new Request(`http://localhost${path}`, {
        method: body ? 'POST' : 'GET',
        headers: { host: 'localhost', authorization: 'Bearer secret' },
        ...(body && { body: JSON.stringify(body) }),
      }),
    )
    return { status: response.status, text: await response.text(), lines }
  }
}

const odd = ['null', '-5', '1e999', '1e308', '-1e999', '0.4']

test.each(odd)('an answer of %s tokens stops neither the budget of its key nor the sums', async (count) => {
  const ask = create(`{"done":true,"prompt_eval_count":${count},"eval_count":${count}}\n`)
  const body = { model: 'm', prompt: 'Hi', stream: false }
  const { status, lines } = await ask('/api/generate', body)
  expect(status).toBe(200)
  expect(lines).toHaveLength(1)
  for (const tokens of [lines[0]!.tokens ?? 0, lines[0]!.tokens_in ?? 0]) {
    expect(Number.isSafeInteger(tokens)).toBe(true)
    expect(tokens).toBeGreaterThanOrEqual(0)
  }
  const usage = JSON.parse((await ask('/usage')).text) as { tokens_in: unknown; tokens_out: unknown }
  expect([typeof usage.tokens_in, typeof usage.tokens_out]).toEqual(['number', 'number'])
  // What a host says that cannot be is not believed: the pieces of the answer count in its place.
  expect((await ask('/api/generate', body)).status).toBe(200)
})

test.each([...odd, '"5"', '[5]', '{}'])('an embedding of %s tokens does not stop them either', async (count) => {
  const ask = create(`{"model":"m","embeddings":[[1]],"prompt_eval_count":${count}}`)
  const body = { model: 'm', input: 'Hi' }
  const { status, lines } = await ask('/api/embed', body)
  expect(status).toBe(200)
  expect(Number.isSafeInteger(lines[0]!.tokens_in ?? 0)).toBe(true)
  expect(lines[0]!.tokens_in ?? 0).toBeGreaterThanOrEqual(0)
  expect((await ask('/api/embed', body)).status).toBe(200)
})

test('a host cannot write a text into the log in the place of a model', async () => {
  const ask = create(JSON.stringify({ model: 'the prompt\nwas: Hi', embeddings: [[1]], prompt_eval_count: 5 }))
  const { lines } = await ask('/api/embed', { model: 'm', input: 'Hi' })
  expect(JSON.stringify(lines)).not.toContain('prompt\\nwas')
  expect((await ask('/usage')).text).not.toContain('the prompt')
})
