import sluice = require('sluice')
import client = require('sluice/client')

/** A program of CommonJS. */
const { fetch } = sluice.createSluice({ env: { SLUICE_DEMO: '1' } })
const ask = async (url: RequestInfo | URL, init?: RequestInit) => {
  const request = new Request(url, init)
  request.headers.set('host', '127.0.0.1')
  return fetch(request)
}
const body = { model: 'demo', messages: [{ role: 'user', content: 'Hi' }], options: { num_predict: 3 } }
void client
  .streamChat({ url: 'http://127.0.0.1/api/chat', body, fetch: ask })
  .final()
  .then(({ usage }) => console.log(usage.tokens > 0))
