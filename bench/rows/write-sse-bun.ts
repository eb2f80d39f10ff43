import { createWriteSse } from './write-sse.ts'

const { fetch } = createWriteSse(process.env.OLLAMA_HOST ?? '')

/** Bun starts a server from a file's default export. */
export default { fetch, hostname: '127.0.0.1', port: Number(process.env.PORT), idleTimeout: 0 }
