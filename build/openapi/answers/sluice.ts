import * as v from 'valibot'
import { statuses, type ErrorCode } from '../../../src/errors.ts'

const code = v.pipe(
  v.picklist(Object.keys(statuses) as ErrorCode[]),
  v.description('What went wrong (docs/protocol.md, section 4)'),
)

const issue = v.strictObject({
  path: v.pipe(v.string(), v.description('Where the request is wrong, for example `messages.0.role`')),
  message: v.string(),
})

const runningStream = v.strictObject({
  request_id: v.string(),
  key: v.optional(v.string()),
  surface: v.optional(v.string()),
  model: v.optional(v.string()),
  host: v.optional(v.string()),
  state: v.picklist(['waiting', 'queued', 'loading', 'evaluating', 'streaming', 'detached']),
  tokens: v.number(),
  age_ms: v.number(),
  ttft_ms: v.optional(v.number()),
})

const host = v.strictObject({
  name: v.string(),
  tier: v.number(),
  up: v.boolean(),
  breaker: v.picklist(['closed', 'open', 'half_open']),
  in_flight: v.number(),
  max: v.pipe(v.number(), v.description('0 means no limit')),
  loaded: v.array(v.string()),
})

const minute = v.strictObject({
  at: v.string(),
  requests: v.number(),
  failures: v.number(),
  tokens: v.number(),
  ttft_p50_ms: v.optional(v.number()),
  ttft_p95_ms: v.optional(v.number()),
})

const failure = v.strictObject({
  time: v.string(),
  count: v.number(),
  route: v.string(),
  code: v.string(),
  surface: v.optional(v.string()),
  key: v.optional(v.string()),
  model: v.optional(v.string()),
  host: v.optional(v.string()),
  cause: v.optional(v.string()),
})
const totals = {
  requests: v.pipe(v.number(), v.description('How many requests have used tokens')),
  tokens_in: v.number(),
  tokens_out: v.number(),
  estimated: v.pipe(
    v.number(),
    v.description('How many of `tokens_out` are counted pieces of text, because the answers were aborted'),
  ),
}
const keyUsage = {
  key: v.pipe(v.string(), v.description('The name of the key. Empty if there are no keys')),
  since: v.pipe(v.string(), v.description('When the process began, in ISO 8601')),
  ...totals,
  models: v.record(v.string(), v.strictObject(totals)),
}

/** The answers in Sluice's own format. */
export const sluiceAnswers = {
  ErrorCode: code,
  Error: v.strictObject({
    error: v.pipe(v.string(), v.description('A text that a person can act on')),
    code,
    request_id: v.string(),
    issues: v.optional(v.array(issue)),
  }),
  Pong: v.strictObject({ message: v.literal('OK') }),
  Alive: v.strictObject({ status: v.literal('ok') }),
  Ready: v.strictObject({
    status: v.literal('ready'),
    upstream: v.strictObject({ version: v.optional(v.unknown()) }),
    store: v.optional(v.picklist(['up', 'down'])),
  }),
  NotReady: v.strictObject({
    status: v.literal('not_ready'),
    code,
    store: v.optional(v.picklist(['up', 'down'])),
  }),
  Streams: v.strictObject({
    streams: v.array(
      v.strictObject({
        stream: v.pipe(v.string(), v.description('The path of the stream, `/streams/RUN`')),
        request_id: v.string(),
        state: v.picklist(['attached', 'detached', 'finished']),
      }),
    ),
  }),
  StatusData: v.strictObject({
    time: v.string(),
    shared: v.pipe(v.boolean(), v.description('Whether there are other processes, whose answers are not here')),
    open: v.pipe(v.number(), v.description('How many answers run')),
    waiting: v.pipe(v.number(), v.description("How many of them wait in Sluice's queue")),
    streams: v.pipe(v.array(runningStream), v.description('The oldest answers, 200 at most')),
    hosts: v.array(host),
    minutes: v.pipe(v.array(minute), v.description('The last hour, the oldest minute first')),
    failures: v.pipe(v.array(failure), v.description('The last failures, the newest first. Equal ones are one entry')),
  }),
  StreamToken: v.strictObject({
    token: v.pipe(v.string(), v.description('Send it as a key, or as `?token=` to `GET /streams/{run}`')),
    expires_at: v.pipe(v.number(), v.description('Seconds since 1970. A stream may outlive its token')),
  }),
  Usage: v.strictObject({
    ...keyUsage,
    keys: v.optional(v.pipe(v.array(v.strictObject(keyUsage)), v.description('Every key, for an operator alone'))),
  }),
  Status: v.strictObject({ status: v.picklist(['queued', 'loading', 'evaluating']), elapsed_ms: v.number() }),
  PlainDone: v.pipe(
    v.looseObject({ model: v.nullish(v.string()), done: v.literal(true), done_reason: v.nullish(v.string()) }),
    v.description("The fields of Ollama's last line, without the answer, `context` and `created_at`"),
  ),
}
