import { tokenHeaders, toFailures, type Envelope, type Failures } from './failures.ts'
import { toHeaders, type GivenHeader } from './headers.ts'
import type { JsonSchema } from './json-schema.ts'

/** A success of a route. */
export interface Success {
  readonly description: string
  readonly headers?: readonly GivenHeader[]
  /** The schema of each content type. For a stream, it is the schema of one event or line. */
  readonly content?: Readonly<Record<string, JsonSchema>>
}

export interface Operation {
  readonly tag: string
  readonly summary: string
  readonly description?: string
  /** Whether the route needs no key. */
  readonly isOpen?: boolean
  readonly envelope?: Envelope
  readonly failures?: Failures
  readonly parameters?: readonly JsonSchema[]
  readonly body?: JsonSchema
  readonly successes: Readonly<Record<number, Success>>
}

/** Returns the operation object of OpenAPI. HEAD has the answers of GET without their bodies. */
export function toOperation(operation: Operation, { method, id }: { method: string; id: string }) {
  const { tag, summary, description, isOpen = false, envelope = 'sluice', parameters = [], body, successes } = operation
  const hasBody = method !== 'head'
  const answers = Object.entries(successes).map(([status, success]) => [
    status,
    toSuccess(success, { hasBody, envelope, isOpen, failures: operation.failures }),
  ])
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description && { description }),
    ...(isOpen && { security: [] }),
    parameters: [{ $ref: '#/components/parameters/request-id' }, ...parameters],
    ...(body && { requestBody: body }),
    responses: merge(
      Object.fromEntries(answers) as Responses,
      toFailures(operation.failures ?? (isOpen ? 'open' : 'keyed'), envelope, hasBody),
    ),
  }
}

type Responses = Readonly<Record<string, JsonSchema>>

/** Where both have a status, its body is one of the two. */
function merge(successes: Responses, failures: Responses): Responses {
  const both = Object.entries(successes).map(([status, success]) => {
    const failure = failures[status]
    if (!failure) return [status, success] as const
    const contents = [success, failure].map(({ content }) => content as Readonly<Record<string, { schema: JsonSchema }>>)
    const schemas = contents.map((content) => content?.['application/json']?.schema)
    return [
      status,
      {
        ...success,
        description: [success, failure].map(({ description }) => description).join('. Or '),
        ...(schemas[0] && { content: { 'application/json': { schema: { anyOf: schemas } } } }),
      },
    ] as const
  })
  return { ...failures, ...Object.fromEntries(both) }
}

interface SuccessOptions {
  readonly hasBody: boolean
  readonly envelope: Envelope
  readonly isOpen: boolean
  readonly failures: Failures | undefined
}

function toSuccess(
  { description, headers = [], content }: Success,
  { hasBody, envelope, isOpen, failures }: SuccessOptions,
): JsonSchema {
  const added: readonly GivenHeader[] = [
    ...headers,
    ...(isOpen ? [] : (['ratelimit?', 'ratelimit-policy?'] as const)),
    ...(failures === 'generation' || failures === 'question' ? tokenHeaders : []),
    ...(envelope === 'anthropic' ? (['request-id'] as const) : []),
  ]
  return {
    description,
    headers: toHeaders(added),
    ...(hasBody &&
      content && { content: Object.fromEntries(Object.entries(content).map(([type, schema]) => [type, { schema }])) }),
  }
}
