import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { createParser } from 'eventsource-parser'
import { createDocument } from '../../build/openapi/document.ts'

/** An answer of Sluice, as far as its reader has read it. */
export interface ReadAnswer {
  readonly method: string
  /** With or without a query. */
  readonly path: string
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** Undefined if the reader has not kept the body. */
  readonly text: string | undefined
  /** Whether the answer was read to its end. */
  readonly isWhole: boolean
}

type Json = Readonly<Record<string, unknown>>

interface Operation {
  readonly responses: Readonly<Record<string, { readonly $ref: string }>>
}

interface Response {
  readonly headers: Readonly<Record<string, { readonly $ref: string }>>
  readonly content?: Readonly<Record<string, { readonly schema: Json }>>
}

/** The document that Sluice serves, but an object with a field that is not in it is invalid. */
export const exactDocument = createDocument({ version: '0.0.0', isExact: true })
const { paths, components } = exactDocument

const base = 'https://sluice.test/openapi.json'
const ajv = new Ajv2020({ strict: false, strictNumbers: false, logger: false, validateFormats: false })
// Validators need not look into the text of `data`, so the keyword that does that is ours.
ajv.removeKeyword('contentSchema')
ajv.addKeyword({
  keyword: 'contentSchema',
  type: 'string',
  compile: ({ $ref }: { $ref: string }) => {
    let validate: ValidateFunction | undefined
    return (text: string) => {
      validate ??= toValidator({ $ref })
      const value = tryParse(text)
      return value !== undefined && validate(value)
    }
  },
})
ajv.addSchema(exactDocument, base)

const validators = new Map<string, ValidateFunction>()

/** Compiles a schema of the document. */
function toValidator(schema: Json): ValidateFunction {
  const text = JSON.stringify(schema)
  const known = validators.get(text)
  if (known) return known
  const validate = ajv.compile(JSON.parse(text.replaceAll('"#/', `"${base}#/`)) as Json)
  validators.set(text, validate)
  return validate
}

/** Returns the validator of a named schema. */
export function toNamed(name: string): ValidateFunction {
  return toValidator({ $ref: `#/components/schemas/${name}` })
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** These headers belong to HTTP or to the runtime, and not to an operation. */
const ofHttp = new Set([
  'connection',
  'content-length',
  'content-type',
  'date',
  'keep-alive',
  'transfer-encoding',
  'access-control-allow-credentials',
])

const patterns = Object.keys(paths).map((path) => {
  // The name of a model may contain slashes.
  const parameter = path.endsWith('/models/{id}') ? '.+' : '[^/]+'
  return { path, pattern: new RegExp(`^${path.replaceAll(/[.$]/g, String.raw`\$&`).replaceAll(/\{\w+\}/g, parameter)}$`) }
})

/** Finds the path of the document that a request means. A path without parameters comes first. */
function toPath(path: string): string | undefined {
  const [exact = ''] = path.split('?')
  return exact in paths ? exact : patterns.find(({ pattern }) => pattern.test(exact))?.path
}

/** Returns what the document does not say about an answer. */
export function findUndeclared(answer: ReadAnswer): string[] {
  const { method, path, status, headers } = answer
  const title = `${method} ${path} ${status}`
  const template = toPath(path)
  const operation = template && (paths[template]?.[method.toLowerCase()] as Operation | undefined)
  if (!operation) return status < 400 && method !== 'OPTIONS' ? [`${title}: the document does not have this route`] : []
  const ref = operation.responses[status] ?? operation.responses[`${String(status)[0]}XX`]
  if (!ref) return [`${title}: an undeclared status: ${answer.text?.slice(0, 200)}`]
  const response = (components.responses as Readonly<Record<string, unknown>>)[ref.$ref.split('/').at(-1)!] as Response
  return [...findHeaders(response, headers), ...findContent(response, answer)].map((problem) => `${title}: ${problem}`)
}

function findHeaders({ headers: declared }: Response, headers: ReadAnswer['headers']): string[] {
  const undeclared = Object.keys(headers).filter((name) => !ofHttp.has(name) && !(name in declared))
  const missing = Object.entries(declared).filter(
    ([name, { $ref }]) => !$ref.includes('/maybe-') && headers[name] === undefined,
  )
  return [
    ...undeclared.map((name) => `an undeclared header: ${name}`),
    ...missing.map(([name]) => `a header is missing: ${name}`),
  ]
}

function findContent({ content }: Response, { method, headers, text, isWhole }: ReadAnswer): string[] {
  if (method === 'HEAD' || text === undefined) return []
  if (text === '')
    return isWhole && content && !('text/plain' in content) && !('text/event-stream' in content) ? ['a body is missing'] : []
  const type = String(headers['content-type']).split(';')[0]!
  const schema = content?.[type]?.schema
  if (!schema) return [`an undeclared content type: ${type}`]
  const values = toValues(type, text, isWhole)
  const validate = toValidator(schema)
  return values.filter((value) => !validate(value)).map((value) => `${type}: ${JSON.stringify(value).slice(0, 400)}`)
}

/**
 * Returns the events, lines or the object of a body. The last one may be cut off: `streamSSE` cannot
 * break off a response, so a reader may take a part of an object for a whole body.
 */
function toValues(type: string, text: string, isWhole: boolean): unknown[] {
  if (type === 'text/event-stream') return toEvents(text)
  if (type === 'application/x-ndjson')
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => tryParse(line))
  if (type === 'application/json') return isWhole ? [tryParse(text)].filter((value) => value !== undefined) : []
  return [text]
}

/** Reads events as the document describes them. */
export function toEvents(text: string): object[] {
  const events: object[] = []
  const parser = createParser({
    onEvent: ({ event, data, id }) => events.push({ event: event ?? 'message', data, ...(id !== undefined && { id }) }),
  })
  parser.feed(text)
  return events
}
