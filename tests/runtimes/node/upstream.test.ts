import { upstreamContract } from '../../contracts/upstream.ts'
import { ollamaOverHttp } from '../../upstreams/ollama-over-http.ts'

upstreamContract('Ollama over node:http', ollamaOverHttp)
