/** A refusal in Ollama's words: `{"error":"…"}` with its status (docs/ollama.md §3). */
export class OllamaError extends Error {
  readonly status: 400 | 404 | 500
  /** What Ollama sends before a stream has begun has a charset; what its runner refuses has none (captures/error-bad-format). */
  readonly contentType: string

  constructor(status: 400 | 404 | 500, message: string, contentType = 'application/json; charset=utf-8') {
    super(message)
    this.name = 'OllamaError'
    this.status = status
    this.contentType = contentType
  }
}
