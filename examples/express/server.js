import { getRequestListener } from '@hono/node-server'
import express from 'express'
import { createSluice } from 'sluice/node'

// OLLAMA_HOST and all other variables of Sluice come from the environment.
const sluice = createSluice({ env: process.env, base: '/ai' })

const app = express()
// This route is in front of `express.json()`, which would read the body before Sluice can.
// It is no `app.use('/ai', …)`, which would remove the path from the URL.
app.all('/ai{/*path}', getRequestListener(sluice.fetch))
app.use(express.json())
app.get('/', (_request, response) => void response.send('This is the app. Its chat is at /ai'))

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () =>
  console.log(`The app listens on http://127.0.0.1:${server.address().port}`),
)

process.once('SIGTERM', async () => {
  server.close()
  await sluice.drain(10_000) // the answers under way may end
  process.exit() // the connections to Ollama would keep the process
})
