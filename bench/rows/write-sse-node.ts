import { serve } from '@hono/node-server'
import { createWriteSse } from './write-sse.ts'

const { fetch } = createWriteSse(process.env.OLLAMA_HOST ?? '')
serve({ fetch, hostname: '127.0.0.1', port: Number(process.env.PORT) })
