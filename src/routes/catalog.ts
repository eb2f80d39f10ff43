import { Hono, type Context, type MiddlewareHandler } from 'hono'
import { parseQuestion } from '../dialects/native/questions.ts'
import type { Env } from '../middleware/env.ts'
import type { Streams } from '../relay/streams.ts'
import type { Question, Upstream } from '../upstreams/upstream.ts'
import { createReader } from './reader.ts'
import { toTrace } from './trace.ts'

/** Ollama's small questions, answered as they are (docs/protocol.md §1). A reader that leaves stops them too. */
export function catalog({ body, upstream, streams }: { body: MiddlewareHandler<Env>; upstream: Upstream; streams: Streams }) {
  async function ask(c: Context<Env>, question: Question) {
    const { controller, release } = createReader(c, streams)
    try {
      return c.json(await upstream.ask(question, { signal: controller.signal, trace: toTrace(c.req) }))
    } finally {
      release()
    }
  }

  return new Hono<Env>()
    .get('/tags', (c) => ask(c, { about: 'tags' }))
    .get('/ps', (c) => ask(c, { about: 'ps' }))
    .get('/version', (c) => ask(c, { about: 'version' }))
    .post('/show', body, (c) => ask(c, parseQuestion('show', c.var.body)))
    .post('/embed', body, (c) => ask(c, parseQuestion('embed', c.var.body)))
    .post('/embeddings', body, (c) => ask(c, parseQuestion('embeddings', c.var.body)))
}
