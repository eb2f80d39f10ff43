import { createSluice } from 'sluice/bun'

// OLLAMA_HOST and all other variables of Sluice come from the environment.
const sluice = createSluice({ env: process.env, base: '/ai' })

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.env.PORT ?? 3000),
  routes: {
    '/': () => new Response('This is the app. Its chat is at /ai'),
    // `server` is needed: Bun would close a connection that is silent for ten seconds.
    '/ai': (request, server) => sluice.fetch(request, server),
    '/ai/*': (request, server) => sluice.fetch(request, server),
  },
})
console.log(`The app listens on http://127.0.0.1:${server.port}`)

process.once('SIGTERM', async () => {
  void server.stop()
  await sluice.drain(10_000) // the answers under way may end
  process.exit() // the connections to Ollama would keep the process
})
