import * as fc from 'fast-check'
import { globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { loadRecording, recordingNames } from '#fake-ollama/recording.ts'
import type { ObjectEntries } from 'valibot'
import { examples } from '../../build/openapi/requests.ts'
import { rules as aiSdk } from '../../src/dialects/ai-sdk/schema.ts'
import { rules as anthropic } from '../../src/dialects/anthropic/schema.ts'
import { createIgnored } from '../../src/dialects/ignored.ts'
import { parse } from '../../src/dialects/issues.ts'
import {
  copyRequest,
  generationRequest,
  modelRequest,
  namedRequest,
  progressRequest,
} from '../../src/dialects/ollama/schema.ts'
import { rules as chat } from '../../src/dialects/openai/chat/schema.ts'
import { rules as completions } from '../../src/dialects/openai/completions/schema.ts'
import { rules as embeddings } from '../../src/dialects/openai/embeddings.ts'
import { rules as responses } from '../../src/dialects/openai/responses/schema.ts'
import { rules as plain } from '../../src/dialects/plain/schema.ts'
import { readRequest, type FieldRules } from '../../src/dialects/read-request.ts'
import { createTokenRequest } from '../../src/dialects/token-request.ts'
import { createDialects, toNames } from '../../src/dialects.ts'
import { toServiceError } from '../../src/errors.ts'
import { oddJson } from '../dialects/odd-json.ts'
import { exactDocument, toNamed } from './declared.ts'

type Body = Readonly<Record<string, unknown>>
type Read = (body: Body) => unknown

const withRules =
  <TEntries extends ObjectEntries>(rules: FieldRules<TEntries>): Read =>
  (body) =>
    readRequest(body, rules, createIgnored())
const withSchema =
  (schema: Parameters<typeof parse>[0]): Read =>
  (body) =>
    parse(schema, body)

/** How each schema of a request is read. */
const readers: Readonly<Record<string, Read>> = {
  OllamaGenerateRequest: withSchema(generationRequest),
  OllamaChatRequest: withSchema(generationRequest),
  OllamaProgressRequest: withSchema(progressRequest),
  OllamaNamedRequest: withSchema(namedRequest),
  OllamaModelRequest: withSchema(modelRequest),
  OllamaCopyRequest: withSchema(copyRequest),
  PlainRequest: withRules(plain),
  StreamTokenRequest: withSchema(createTokenRequest(toNames(createDialects({ management: false })))),
  UiChatRequest: withRules(aiSdk),
  ChatCompletionRequest: withRules(chat),
  CompletionRequest: withRules(completions),
  EmbeddingsRequest: withRules(embeddings),
  ResponseRequest: withRules(responses),
  MessageRequest: withRules(anthropic),
}

const schemas = exactDocument.components.schemas as unknown as Readonly<Record<string, { readonly properties: Body }>>
const jsonSchema = { type: 'json_schema', json_schema: { name: 'n', schema: { type: 'object' } }, schema: { type: 'object' } }
const texts = ['gemma3:270m', 'gemma3:270m', 'a..b', 'localhost:5000/a/b:c', 'a b', '', ' ', '\u2028', 'json', 'float', 'auto']
const scalars = [null, true, false, 0, 5, 5.5, -1, 20, 21, 1e22]
const lists = [[], [{}], [null], ['a', 'b'], ['a', 5], [1, 2], [[1], [2]], [1, [2]]]
const samples: readonly unknown[] = [
  ...texts,
  ...scalars,
  ...lists,
  {},
  [{ role: 'user' }],
  [{ role: 'user', content: 'Hi' }, { role: 5 }],
  { type: 'text' },
  { type: 'other' },
  { type: 'json_object' },
  jsonSchema,
  { ...jsonSchema, schema: [], json_schema: { schema: [] } },
  { type: 'json_schema', schema: {}, json_schema: { schema: {} } },
  { format: jsonSchema },
  { format: { type: 'text' } },
  { format: {} },
  { format: { type: 'json_schema', schema: 'x' } },
  { effort: 'low' },
  { effort: 5 },
  { include_usage: true },
  { include_usage: 'yes' },
]
const value = fc.oneof({ arbitrary: fc.constantFrom(...samples), weight: 4 }, oddJson)
/** Names that Ollama reads as `model`, `stream` and `keep_alive`. */
const capitals = ['Model', 'STREAM', '\u017ftream', '\u212aeep_alive', 'Future']

/** Makes bodies with some of these fields. Half of the bodies also have all that is needed. */
function toBodies(names: readonly string[], example: Body): fc.Arbitrary<Body> {
  const name = fc.oneof({ arbitrary: fc.constantFrom(...names), weight: 9 }, fc.constantFrom(...capitals))
  const fields = fc.array(fc.tuple(name, value), { maxLength: 4 })
  return fc
    .tuple(fc.boolean(), fields)
    .map(([isUsual, given]) => ({ ...(isUsual && example), ...(Object.fromEntries(given) as Body) }))
}

test.each(Object.keys(readers))('%s accepts what Sluice accepts, and nothing that has a wrong shape', (name) => {
  const validate = toNamed(name)
  const names = Object.keys(schemas[name]!.properties)
  const counts = { accepted: 0, refused: 0 }
  fc.assert(
    fc.property(toBodies(names, examples[name] as Body), (body) => {
      let code: string | undefined
      try {
        readers[name]!(body)
      } catch (error) {
        ;({ code } = toServiceError(error))
      }
      // Such a refusal is about a feature. It comes before the other fields are read.
      if (code === 'not_supported') return
      counts[code === undefined ? 'accepted' : 'refused']++
      expect(validate(body), code ?? 'accepted').toBe(code === undefined)
    }),
    { numRuns: 3000 },
  )
  expect(counts.accepted).toBeGreaterThan(100)
  expect(counts.refused).toBeGreaterThan(100)
})

test('every schema of a request is tested', () => {
  const names = Object.keys(schemas).filter((name) => name.endsWith('Request'))
  expect(Object.keys(readers)).toEqual(names)
  expect(Object.keys(examples)).toEqual(names)
})

test.each(Object.entries(examples))('the example of %s is valid', (name, example) => {
  expect(toNamed(name)(example)).toBe(true)
  expect(() => readers[name]!(example)).not.toThrow()
})

/** The name of the schema of a request. */
function toSchemaName(path: string): string {
  const { post, delete: remove } = exactDocument.paths[path]!
  const { requestBody } = (post ?? remove) as unknown as {
    requestBody: { content: Record<string, { schema: { $ref: string } }> }
  }
  return requestBody.content['application/json']!.schema.$ref.split('/').at(-1)!
}

const fixtures = globSync('tests/fixtures/agents/*.json')

test.each(fixtures)('the recorded request %s is valid', (file) => {
  const { path, body } = JSON.parse(readFileSync(file, 'utf8')) as { path: string; body: unknown }
  expect(toNamed(toSchemaName(path.split('?')[0]!))(body)).toBe(true)
})

const accepted = recordingNames().filter((name) => {
  const { status, request } = loadRecording(name)
  return status === 200 && typeof request.body === 'object' && request.body !== null
})

test.each(accepted)('the request of the recording %s is valid', (name) => {
  const { path, body } = loadRecording(name).request
  expect(toNamed(toSchemaName(path))(body)).toBe(true)
})
