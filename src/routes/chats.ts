import { methods } from '../middleware/methods.ts'
import { resume, type ResumeOptions } from './streams.ts'
import { toPlace } from './view.ts'
import { createRoutes } from './create-routes.ts'

/**
 * The routes of a chat of the AI SDK, by the id that `useChat` has given it
 * (docs/protocol.md#6-dialects). `GET …/stream` sends the chat's last answer from its beginning,
 * because the hook has no position to send. `POST|DELETE …/stop` stops the chat's answers. The
 * answer is 204 if there is nothing to resume or to stop, also if the chat is another caller's.
 */
export function chatRoutes({ runs, ...options }: ResumeOptions) {
  return createRoutes()
    .all('/api/ui/chat/:id/stream', methods('GET'), async (c) => {
      const run = await runs.findChat(c.req.param('id'), c.var.principal.name)
      return run ? resume(c, await toPlace(run, -1), options) : c.body(null, 204)
    })
    .all('/api/ui/chat/:id/stop', methods('POST', 'DELETE'), async (c) => {
      await runs.stopChat(c.req.param('id'), c.var.principal.name)
      return c.body(null, 204)
    })
}
