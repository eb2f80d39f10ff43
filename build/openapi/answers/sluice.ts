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
  Status: v.strictObject({ status: v.picklist(['queued', 'loading', 'evaluating']), elapsed_ms: v.number() }),
  PlainDone: v.pipe(
    v.looseObject({ model: v.nullish(v.string()), done: v.literal(true), done_reason: v.nullish(v.string()) }),
    v.description("The fields of Ollama's last line, without the answer, `context` and `created_at`"),
  ),
}
