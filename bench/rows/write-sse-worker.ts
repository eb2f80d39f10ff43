import { createWriteSse } from './write-sse.ts'

interface Env {
  OLLAMA_HOST: string
}

let app: ReturnType<typeof createWriteSse> | undefined

export default {
  fetch(request: Request, env: Env): Response | Promise<Response> {
    return (app ??= createWriteSse(env.OLLAMA_HOST)).fetch(request)
  },
}
