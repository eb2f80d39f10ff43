import { expect, test } from 'vitest'
import { loadRecording, toBytes } from '#fake-ollama/recording.ts'
import { createRandom } from '../random.ts'
import { surfaces, toEnding } from '../surfaces.ts'
import { createInProcess, post, toSmallAnswer } from './in-process.ts'
import { count, seed } from './options.ts'
import { toSpoiltRequest } from './requests.ts'

const atOnce = 50
const modelName = /^[\w.:/-]{1,256}$/

const toGoodAnswer = (path: string) =>
  /generate|chat/.test(path)
    ? [toBytes(loadRecording(path === '/api/chat' ? 'chat-tool-call' : 'generate-chinese'))]
    : [toSmallAnswer(path)]

test.each(surfaces)('the unspoilt body for $path is accepted', async (surface) => {
  const isRefused = surface.path.endsWith('count_tokens')
  for (const streams of [{}, surface.streams]) {
    const body = JSON.stringify({ model: 'gemma3:270m', ...surface.body, ...streams })
    expect(toEnding(surface, await post(createInProcess(toGoodAnswer), surface.path, body))).toBe(
      isRefused ? 'refused' : 'done',
    )
  }
})

test(
  `${count} spoilt requests, seed ${seed}: none is a 5xx or another's envelope, and Ollama is asked nothing odd`,
  { timeout: 1_200_000 },
  async () => {
    const odd: string[] = []
    const app = createInProcess((path, { body }) => {
      if (/generate|chat/.test(path)) {
        const text = body as string
        const asked = JSON.parse(text) as { model?: unknown; stream?: unknown }
        if (!modelName.test(String(asked.model)) || asked.stream !== true) odd.push(`${path} ${text.slice(0, 200)}`)
      }
      return toGoodAnswer(path)
    })
    const told = { done: 0, failed: 0, refused: 0 }

    async function check(index: number) {
      const caseSeed = seed + index
      const { surface, body, accept } = toSpoiltRequest(createRandom(caseSeed), surfaces)
      const headers = caseSeed % 2 === 0 ? { accept } : { accept, 'content-length': String(body.byteLength) }
      const answer = await post(app, surface.path, body, headers)
      try {
        if (answer.status >= 500) throw new Error(`${answer.status} ${answer.text}`)
        told[toEnding(surface, answer)]++
      } catch (cause) {
        const what = `FUZZ_SEED=${caseSeed} FUZZ_COUNT=1: ${surface.path} ${Buffer.from(body).toString().slice(0, 2000)}`
        throw new Error(`${String(cause)}\n${what}`, { cause })
      }
    }
    for (let from = 0; from < count; from += atOnce)
      await Promise.all(Array.from({ length: Math.min(atOnce, count - from) }, (_, i) => check(from + i)))
    expect(odd).toEqual([])
    expect(told.failed).toBe(0)
    // A fuzzer whose requests are all refused, or all accepted, tests little.
    if (count >= 1000) expect(Math.min(told.done, told.refused)).toBeGreaterThan(count / 10)
  },
)
