import process from 'node:process'
import { ConfigError } from 'sluice'
import { streamChat } from 'sluice/client'
import { createSluice, serve, type Sluice } from 'sluice/node'

/** A program that starts Sluice as a server of its own. createConsumer makes those for Bun and Deno of it. */
const { port, app, close } = await serve({ env: { ...process.env, PORT: '0', SLUICE_DEMO: '1' } })
const body = { model: 'demo', messages: [{ role: 'user', content: 'Hi' }], options: { num_predict: 3 } }
const { text, usage } = await streamChat({ url: `http://127.0.0.1:${port}/api/chat`, body }).final()
console.log(text.length > 0 && usage.tokens > 0)
await app.drain(0)
await close()

const sluice: Sluice = createSluice({ env: { SLUICE_DEMO: '1' }, principal: () => ({ name: 'alice' }) })
const request = new Request('http://127.0.0.1/api/tags', { headers: { host: '127.0.0.1' } })
console.log((await sluice.fetch(request)).status)

try {
  createSluice({ env: { SLUICE_LOG: 'loud' } })
} catch (error) {
  // Both modules have the same class.
  console.log(error instanceof ConfigError)
}
process.exit()
