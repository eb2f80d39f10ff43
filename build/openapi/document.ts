import { aiSdkAnswers } from './answers/ai-sdk.ts'
import { anthropicAnswers } from './answers/anthropic.ts'
import { ollamaAnswers } from './answers/ollama.ts'
import { openaiAnswers } from './answers/openai.ts'
import { responseAnswers } from './answers/responses.ts'
import { sluiceAnswers } from './answers/sluice.ts'
import { headerComponents } from './headers.ts'
import type { JsonSchema } from './json-schema.ts'
import { toOperation } from './operation.ts'
import { routes, type Route } from './paths.ts'
import { requestSchemas } from './requests.ts'
import { shareResponses } from './share-responses.ts'
import { eventSchemas, streamSchemas } from './streams.ts'
import { absentSchema } from './to-input-schema.ts'
import { toAnswerSchemas } from './to-answer-schemas.ts'

export interface DocumentOptions {
  readonly version: string
  /** Whether an answer with a field that the document lacks is invalid. Tests want that. */
  readonly isExact?: boolean
}

/** Creates the OpenAPI document of every route. */
export function createDocument({ version, isExact = false }: DocumentOptions) {
  const answers = toAnswerSchemas(
    {
      ...sluiceAnswers,
      ...ollamaAnswers,
      ...openaiAnswers,
      ...responseAnswers,
      ...anthropicAnswers,
      ...aiSdkAnswers,
      ...eventSchemas,
    },
    isExact,
  )
  const paths = Object.fromEntries(Object.entries(routes).map(([path, route]) => [path, toPathItem(path, route)]))
  const shared = shareResponses(paths)
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sluice',
      version,
      summary: "Pipes Ollama's streams to browsers, programs and agents",
      description: [
        'Every response has `x-request-id`. A request may have `traceparent` and `tracestate`, which go to Ollama.',
        'A body may have one `Content-Encoding`. HEAD works wherever it is listed.',
        'A content type `text/event-stream` or `application/x-ndjson` has the schema of one event or of one line.',
        'An event without a name has the name `message` here, as in the HTML standard. Comments are no events.',
        'The contract in words is docs/protocol.md.',
      ].join(' '),
      license: { name: 'MIT', identifier: 'MIT' },
    },
    // Relative to the document, because the routes may stand below a base path.
    servers: [{ url: './' }],
    security: [{ bearer: [] }, { 'x-api-key': [] }, { 'api-key': [] }, {}],
    tags: ['Server', 'Native', 'Ollama drop-in', 'OpenAI', 'Anthropic', 'AI SDK', 'Resume', 'Operator'].map((name) => ({
      name,
    })),
    paths: shared.paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'Needed only if `SLUICE_API_KEYS` is set' },
        'x-api-key': { type: 'apiKey', in: 'header', name: 'x-api-key' },
        'api-key': { type: 'apiKey', in: 'header', name: 'api-key' },
      },
      parameters,
      headers: toUsed(headerComponents, JSON.stringify(shared.responses)),
      responses: shared.responses,
      schemas: { ...answers, ...streamSchemas, Absent: absentSchema, ...requestSchemas },
    },
  }
}

/** Returns the headers that the responses refer to. */
function toUsed(headers: typeof headerComponents, responses: string) {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => responses.includes(`"#/components/headers/${name}"`)))
}

const toHeaderParameter = (name: string, description: string): JsonSchema => ({
  name,
  in: 'header',
  description,
  schema: { type: 'string' },
})

const parameters = {
  'request-id': toHeaderParameter('x-request-id', 'The id of the request, 1 to 128 of `A-Za-z0-9._-`. Another one is replaced'),
  prefer: toHeaderParameter(
    'Prefer',
    '`status`, `resume=SECONDS` or `default-model`, alone or in a list. Others have no effect',
  ),
  'sluice-host': toHeaderParameter('x-sluice-host', 'The name of the Ollama that is asked, if there are several'),
  host: { ...toHeaderParameter('host', 'The same as the header `x-sluice-host`'), in: 'query' },
  'last-event-id': toHeaderParameter('Last-Event-ID', 'The id of the last frame that the reader has: `RUN.NUMBER`'),
} satisfies Readonly<Record<string, JsonSchema>>

function toPathItem(path: string, { noHead, ...methods }: Route) {
  const listed = Object.entries(methods)
  const withHead = methods.get && !noHead ? [...listed, ['head', methods.get] as const] : listed
  return Object.fromEntries(
    withHead.map(([method, operation]) => [method, toOperation(operation, { method, id: toOperationId(method, path) })]),
  )
}

function toOperationId(method: string, path: string): string {
  return `${method}${path
    .replaceAll(/[{}]/g, '')
    .replaceAll(/[^A-Za-z0-9]+/g, '_')
    .replace(/^_$/, '_root')}${path.endsWith('/') && path !== '/' ? 'slash' : ''}`
}
