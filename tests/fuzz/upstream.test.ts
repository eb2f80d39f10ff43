import { expect, test } from 'vitest'
import { loadRecording, recordingNames, toBytes, toLines } from '#fake-ollama/recording.ts'
import { cutBytes } from '#fake-ollama/scripts.ts'
import { createRandom, type Random } from '../random.ts'
import { surfaces, toEnding, type Ending, type Surface } from '../surfaces.ts'
import { createInProcess, post } from './in-process.ts'
import { mutateBytes, mutateJson } from './mutate.ts'
import { count, seed } from './options.ts'

const generating = surfaces.filter(({ endpoint }) => endpoint !== undefined)
const recorded = recordingNames()
  .map(loadRecording)
  .filter(({ status, request }) => status === 200 && /^\/api\/(generate|chat)$/.test(request.path))
/** The lines of the recordings. The middle of a long recording is left out, because it repeats. */
const linesOf = recorded.map(toLines).map((lines) => [...lines.slice(0, 12), ...lines.slice(12).slice(-1)])

/** Spoils a recording in a few lines, or in its bytes. */
function toSpoilt(random: Random): Uint8Array {
  const original = random.pick(linesOf)
  const lines = original.map((line, at) => {
    // The last line matters most, so it is spoilt more often than each of the other lines.
    if (random(at === original.length - 1 ? 3 : 12) > 0) return line
    const other = JSON.parse(random.pick(random.pick(linesOf))) as object
    return mutateJson(random, JSON.parse(line) as object, other)
  })
  const bytes = Buffer.from(`${lines.join('\n')}\n`)
  return random(3) > 0 ? bytes : mutateBytes(random, bytes, toBytes(random.pick(recorded)))
}

/**
 * Computes independently of our code how a stream must end. The stream ends at the first line that
 * is not a JSON object, contains an error, or has `done: true`. This function does not check the
 * types of other fields. So Sluice may report a failure where this function returns `done`.
 */
function toExpected(bytes: Uint8Array): Ending {
  for (let from = 0; from < bytes.length;) {
    const lf = bytes.indexOf(0x0a, from)
    const to = lf === -1 ? bytes.length : lf
    try {
      const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: from > 0 }).decode(bytes.subarray(from, to))
      if (text.trim() !== '') {
        const line = JSON.parse(text) as unknown
        if (typeof line !== 'object' || line === null || Array.isArray(line) || 'error' in line) return 'failed'
        if ((line as { done?: unknown }).done === true) return 'done'
      }
    } catch {
      return 'failed'
    }
    from = to + 1
  }
  return 'failed'
}

test.each(generating)('null is as good as absent in an answer at $path', async (surface) => {
  const nothing = { model: null, created_at: null, response: null, thinking: null, logprobs: null, message: null }
  const empty = { ...nothing, message: { content: null, thinking: null, tool_calls: null } }
  const done = { ...nothing, done: true, done_reason: null, prompt_eval_count: null, eval_count: null }
  const lines = [nothing, empty, done].map((line) => JSON.stringify(line))
  for (const text of [lines.join('\n'), lines.at(-1)!]) {
    const app = createInProcess(() => [Buffer.from(text)])
    for (const streams of [surface.streams, { stream: false }]) {
      const answer = await post(app, surface.path, JSON.stringify({ model: 'gemma3:270m', ...surface.body, ...streams }))
      expect(toEnding(surface, answer)).toBe('done')
      // Sluice passes Ollama's own lines on unchanged, so only `/v1` is checked.
      if (surface.path.startsWith('/v1')) expect(answer.text).not.toMatch(/"(?:text|content)":null/)
    }
  }
})

test(
  `${count} spoilt answers of Ollama, seed ${seed}: each has one terminal, and none that is damaged succeeds`,
  { timeout: 1_200_000 },
  async () => {
    const told = { done: 0, failed: 0, refused: 0 }
    let pieces: Uint8Array[] = []
    const app = createInProcess(() => pieces)
    for (let index = 0; index < count; index++) {
      const random = createRandom(seed + index)
      const surface = random.pick(generating)
      const bytes = toSpoilt(random)
      const cuts = Array.from({ length: random(8) }, () => random(bytes.length + 1))
      pieces = cutBytes(bytes, cuts)
      const streams = random(3) > 0 ? surface.streams : { stream: false }
      const answer = await post(app, surface.path, JSON.stringify({ model: 'gemma3:270m', ...surface.body, ...streams }))
      try {
        told[check(surface, answer, toExpected(bytes))]++
      } catch (cause) {
        const what = `FUZZ_SEED=${seed + index} FUZZ_COUNT=1: ${surface.path} ${Buffer.from(bytes).toString()}`
        throw new Error(`${String(cause)}\n${what}`, { cause })
      }
    }
    if (count >= 1000) expect(Math.min(told.done, told.failed, told.refused)).toBeGreaterThan(count / 20)
  },
)

function check(surface: Surface, answer: Parameters<typeof toEnding>[1], expected: Ending): Ending | 'refused' {
  if (answer.text.includes('inside Sluice')) throw new Error(`An error of our own: ${answer.text}`)
  const ending = toEnding(surface, answer)
  if (ending === 'refused' && answer.status < 500) throw new Error(`Refused with ${answer.status}`)
  if (ending === 'done' && expected === 'failed') throw new Error('A success, although the answer is damaged')
  if (ending !== 'done' && expected === 'done' && !/has the wrong type/.test(answer.text))
    throw new Error(`A failure of a good answer: ${answer.text}`)
  return ending
}
