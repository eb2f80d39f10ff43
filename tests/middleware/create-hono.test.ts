import { describe, expect, test } from 'vitest'
import { createHono } from '../../src/middleware/create-hono.ts'

describe('a path', () => {
  test.each(['/blobs/:digest{[0-9a-f]+}', '/blobs/:digest', '/blobs/*', '/*', '/:id'])(
    'written as a route is not that route: %s',
    async (path) => {
      let runs = 0
      const app = createHono()
        .use((_, next) => {
          runs++
          return next()
        })
        .get('/blobs/:digest{[0-9a-f]+}', (c) => c.text(c.req.param('digest')))
      const { status } = await app.fetch(new Request(`http://127.0.0.1${path}`))
      expect({ status, runs }).toEqual({ status: 404, runs: 1 })
    },
  )
})
