import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { createSluice } from 'sluice/node'

// OLLAMA_HOST and all other variables of Sluice come from the environment.
const sluice = createSluice({ env: process.env, base: '/ai' })

const app = new Hono()
app.get('/', (c) => c.text('This is the app. Its chat is at /ai'))
// `c.env` has the socket, so that Sluice can write to it and notices at once that a reader leaves.
app.all('/ai/*', (c) => sluice.fetch(c.req.raw, c.env))

const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env.PORT ?? 3000) }, ({ port }) =>
  console.log(`The app listens on http://127.0.0.1:${port}`),
)

process.once('SIGTERM', async () => {
  server.close()
  await sluice.drain(10_000) // the answers under way may end
  process.exit() // the connections to Ollama would keep the process
})
