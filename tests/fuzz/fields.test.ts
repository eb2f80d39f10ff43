import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { loadRecording, toBytes } from '#fake-ollama/recording.ts'
import type { Json } from '../dialects/ask.ts'
import { checkBody, checkHeader } from '../dialects/check-call.ts'
import { canary, oddJson, oddName } from '../dialects/odd-json.ts'
import { surfaces, toEnding } from '../surfaces.ts'
import { createInProcess, post, toSmallAnswer } from './in-process.ts'
import { count, seed } from './options.ts'

/**
 * For each dialect, the fields that Sluice may refuse, and fields that no good request in this test
 * contains. Both lists follow docs/compatibility.md and OpenAI's documentation.
 */
const dialects: Readonly<Record<string, { refusable: RegExp; more: readonly string[] }>> = {
  '/chat': { refusable: /^(?:text|system|model)$/, more: ['keep_alive', 'stream', 'prompt', 'images'] },
  '/v1/chat/completions': {
    refusable:
      /^(?:model|messages(?:\.\d+(?:\.role|\.content\.\d+\.image_url)?)?|stream|tools|response_format(?:\..+)?|n|tool_choice|modalities|function_call)$/,
    more: [
      'parallel_tool_calls max_completion_tokens logit_bias modalities audio prediction functions',
      'function_call web_search_options verbosity store metadata service_tier moderation reasoning',
      'frequency_penalty keep_alive safety_identifier prompt_cache_key prompt_cache_retention options',
    ].flatMap((names) => names.split(' ')),
  },
  '/v1/completions': {
    refusable: /^(?:model|prompt|stream|n|logprobs)$/,
    more: ['n', 'logprobs', 'best_of', 'echo', 'logit_bias', 'reasoning_effort', 'stream_options', 'keep_alive'],
  },
  '/v1/responses': {
    refusable:
      /^(?:model|input(?:\.\d+(?:\.content\.\d+\.(?:image_url|file_id))?)?|stream|text(?:\.format(?:\..+)?)?|tools|tool_choice|previous_response_id|conversation|prompt|store)$/,
    more: [
      'previous_response_id conversation prompt background truncation context_management moderation',
      'max_tool_calls parallel_tool_calls include top_logprobs tool_choice top_p keep_alive user',
      'stream_options client_metadata prompt_cache_key service_tier safety_identifier reasoning',
    ].flatMap((names) => names.split(' ')),
  },
  '/v1/messages': {
    refusable:
      /^(?:model|system|messages(?:\.\d+(?:\.role|\.content\.\d+\.source)?)?|stream|tools|tool_choice|output_config(?:\.format(?:\..+)?)?|output_format(?:\..+)?)$/,
    more: [
      'container context_management mcp_servers inference_geo output_config output_format service_tier',
      'top_p top_k speed diagnostics cache_control betas',
    ].flatMap((names) => names.split(' ')),
  },
  '/api/ui/chat': {
    refusable: /^(?:messages(?:\.\d+(?:\.role|\.parts\.\d+\.url)?)?|model|system|tools|format)$/,
    more: ['tools', 'think', 'format', 'keep_alive', 'messageId', 'stream'],
  },
  '/v1/embeddings': { refusable: /^(?:model|input|encoding_format|dimensions)$/, more: ['dimensions', 'keep_alive'] },
}

type Path = readonly string[]

/** Returns the paths of all values within a value. */
function toPaths(value: unknown): Path[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => [[key], ...toPaths(inner).map((path) => [key, ...path])])
}

/**
 * Returns a copy of the body with another value at one path. The path may end with a new name, even
 * `__proto__`.
 */
function toChanged(body: Json, path: Path, value: unknown): Json {
  const changed = structuredClone(body)
  const holder = path.slice(0, -1).reduce<object>((inner, key) => (inner as Record<string, object>)[key]!, changed)
  if (Array.isArray(holder) && !/^\d+$/.test(path.at(-1)!)) holder.push(value)
  else Object.defineProperty(holder, path.at(-1)!, { value, enumerable: true, configurable: true, writable: true })
  return changed
}

const translating = surfaces.filter(({ path }) => path in dialects)

const cases = fc.constantFrom(...translating).chain((surface) => {
  const body: Json = { model: 'gemma3:270m', ...surface.body }
  const paths = toPaths(body)
  const path = fc.oneof(
    { arbitrary: fc.constantFrom(...paths), weight: 3 },
    { arbitrary: fc.constantFrom(...dialects[surface.path]!.more).map((name) => [name]), weight: 3 },
    oddName.map((name) => [name]),
    fc.tuple(fc.constantFrom(...paths), oddName).map(([at, name]) => [...at.slice(0, -1), name]),
  )
  return fc.record({ surface: fc.constant(surface), body: fc.constant(body), path, value: oddJson, isStream: fc.boolean() })
})

const answers: Readonly<Record<string, Uint8Array>> = {
  '/api/chat': toBytes(loadRecording('chat-stream')),
  '/api/generate': toBytes(loadRecording('generate-stream')),
}

test(
  `${count} requests with one unknown or odd field, seed ${seed}: none is refused but for what its client relies upon`,
  { timeout: 1_200_000 },
  async () => {
    let asked: Json | undefined
    const app = createInProcess((path, { body }) => {
      const answer = answers[path]
      if (answer) asked = JSON.parse(body as string) as Json
      return [answer ?? toSmallAnswer(path)]
    })
    const told = { done: 0, refused: 0 }
    await fc.assert(
      fc.asyncProperty(cases, async ({ surface, body, path, value, isStream }) => {
        asked = undefined
        const request = toChanged({ ...body, ...(isStream && surface.streams) }, path, value)
        const answer = await post(app, surface.path, JSON.stringify(request))
        checkHeader(answer.headers.get('x-sluice-ignored') ?? undefined)
        if (answer.text.includes('did not call a tool') && answer.status === 502) return
        if (toEnding(surface, answer) === 'refused') {
          told.refused++
          expect(answer.status, answer.text).toBe(400)
          expect(answer.text).not.toContain(canary)
          const [, at] = /"(?:Invalid request: ([\w.]+): |([\w.]+) is not supported: )/.exec(answer.text)?.filter(Boolean) ?? []
          expect(at, answer.text).toMatch(dialects[surface.path]!.refusable)
        } else {
          told.done++
          if (asked) checkBody(asked)
        }
      }),
      { numRuns: count, seed },
    )
    if (count >= 1000) {
      expect(told.done).toBeGreaterThan(count / 2)
      expect(told.refused).toBeGreaterThan(count / 50)
    }
  },
)
