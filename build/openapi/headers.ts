import type { JsonSchema } from './json-schema.ts'

/** The headers of responses, by name. */
const descriptions = {
  'x-request-id': 'The id of the request: its own `x-request-id` if that is safe to log, else a new one',
  'request-id': "The same, where Anthropic's clients look for it",
  'content-security-policy': 'What the answer may load, if a browser shows it',
  'cross-origin-resource-policy': '`same-origin`',
  'referrer-policy': '`no-referrer`',
  'x-content-type-options': '`nosniff`',
  'access-control-allow-origin': 'The origin of the page, if it is listed in `SLUICE_CORS_ORIGINS`',
  'access-control-expose-headers': 'The headers that such a page may read',
  vary: 'The headers that the answer depends on',
  'cache-control': 'No cache may keep a stream or an error. Files of the page may be kept',
  etag: 'The version of the file',
  'content-encoding': '`gzip`, if the client accepts it',
  'x-typescript-types': 'The types of the script',
  'retry-after': 'When to try again, in seconds',
  'www-authenticate': 'How to send a key',
  'accept-encoding': 'The codings that a body may have',
  ratelimit: 'What is left of the requests of this minute (draft-ietf-httpapi-ratelimit-headers)',
  'ratelimit-policy': 'How many requests a minute are allowed',
  'x-ratelimit-limit-tokens': 'How many tokens a minute or a day are allowed: the budget of which less is left',
  'x-ratelimit-remaining-tokens': 'How many tokens are left of that budget, while this request holds its own',
  'x-accel-buffering': '`no`: proxies must not hold a stream back',
  'x-sluice-ignored': 'The parts of the request that were left out or weakened (docs/protocol.md, section 6)',
  'x-sluice-default-model': 'The model for requests without one, as `encodeURI` writes it',
  'x-sluice-host': 'The name of the Ollama that answers, if there are several and it is known',
  'preference-applied': 'The preferences of `Prefer` that were granted: `status`, `resume=SECONDS`, `default-model`',
  'content-location': 'The path of a stream that can be resumed, `/streams/RUN`',
  'x-vercel-ai-ui-message-stream': '`v1`',
} as const

type HeaderName = keyof typeof descriptions

/** Every response has these headers, or may have them if the name ends in `?`. */
const everywhere: readonly (HeaderName | `${HeaderName}?`)[] = [
  'x-request-id',
  'content-security-policy',
  'cross-origin-resource-policy',
  'referrer-policy',
  'x-content-type-options',
  'access-control-allow-origin?',
  'access-control-expose-headers?',
  'vary?',
]

/** Components for headers: each that may be there, and each that must be there. */
export const headerComponents: Readonly<Record<string, JsonSchema>> = Object.fromEntries(
  Object.entries(descriptions).flatMap(([name, description]) => {
    const header = { description, schema: { type: 'string' } }
    return [
      [name, { ...header, required: true }],
      [`maybe-${name}`, header],
    ]
  }),
)

/** Returns the headers of a response. A name with `?` may be absent. */
export function toHeaders(names: readonly (HeaderName | `${HeaderName}?`)[]): JsonSchema {
  return Object.fromEntries(
    [...everywhere, ...names].map((given) => {
      const name = given.replace('?', '')
      return [name, { $ref: `#/components/headers/${given === name ? '' : 'maybe-'}${name}` }]
    }),
  )
}

export type GivenHeader = HeaderName | `${HeaderName}?`
