import {
  ConfigError,
  createApp,
  createSluice,
  openWithStreamSSE,
  parseConfig,
  type App,
  type AppOptions,
  type Config,
  type Sluice,
} from 'sluice'
import { streamChat, type ChatEvent } from 'sluice/client'

/** A program that has Sluice inside, with the parts that run anywhere. */
const sluice: Sluice = createSluice({ env: { SLUICE_DEMO: '1' } })
const config: Config = parseConfig({ SLUICE_DEMO: '1' })
const options: AppOptions = { config, open: openWithStreamSSE, log: ({ status }) => void status.toFixed() }
const app: App = createApp(options)

for (const { fetch } of [sluice, app]) {
  const ask = async (url: RequestInfo | URL, init?: RequestInit) => {
    const request = new Request(url, init)
    // A server gets this header from its client.
    request.headers.set('host', '127.0.0.1')
    return fetch(request)
  }
  const ping = await ask('http://127.0.0.1/ping')
  console.log(ping.status, await ping.text())
  const types: ChatEvent['type'][] = []
  const body = { model: 'demo', messages: [{ role: 'user', content: 'Hi' }], options: { num_predict: 3 } }
  for await (const { type } of streamChat({ url: 'http://127.0.0.1/api/chat', body, fetch: ask })) types.push(type)
  console.log([...new Set(types)].join())
}

try {
  createSluice({ env: { PORT: '1', SLUICE_LOG: 'loud' } })
} catch (error) {
  console.log(error instanceof ConfigError && error.message)
}
